"""`lmgen eval`: the perplexity of a text."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.options import OUTPUT
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring import BASES, SENTENCE_COLUMNS, Evaluation, Scored, score_sentences, sentence_rows
from lmgen.text import KINDS, open_output, write_rows

MEMORY = {
    "sentence": "emptied at each sentence",
    "document": "emptied at blank lines",
    "stream": "never emptied",
}


@dataclass(frozen=True, kw_only=True)
class _Options(shared.ScoredTexts):
    per_sentence: bool
    kind: str | None
    output: str


@click.command("eval")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@shared.CONTEXT
@click.option("--per-sentence", is_flag=True, help="Write a row for every sentence; the sum goes to stderr.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(("text", "json", *KINDS)),
    help="Output format: of the result (text, json), or of the rows of --per-sentence.  [default: text, tsv]",
)
@OUTPUT
@shared.TABLE_COLUMN
@INPUT
@shared.READING
def evaluate(**options) -> None:
    """Measure the perplexity of FILEs (`-`: stdin), a sentence on each line, over all words and sentence ends.

    Perplexities can be compared only over the same words, OOV words and memory: all are printed. The interval
    is that of the mean over sentences.

    \b
    Examples:
      lmgen eval news.txt
      lmgen eval news.en.heldout-00000-of-00050 --no-tokenize
      lmgen eval story.txt --context document --format json
      lmgen eval news.txt --per-sentence > sentences.tsv
    """
    asked = _Options(**options)
    kind = asked.kind or ("tsv" if asked.per_sentence else "text")
    if asked.per_sentence != (kind in KINDS):
        raise UsageError(
            f"--format {kind} does {'not go with' if asked.per_sentence else 'only go with'} --per-sentence"
        )
    files = asked.model.find()
    context = asked.context_of(files)
    sentences = asked.sentences(context, kind, SENTENCE_COLUMNS)
    model, evaluation = asked.model.open(files), Evaluation()
    with open_output(asked.output) as out:
        scores = asked.watched(score_sentences(model, sentences, asked.scoring()), asked.output)
        scores = evaluation.count(scores)
        if asked.per_sentence:
            write_rows(sentence_rows(scores, "2", "sum"), out, kind, SENTENCE_COLUMNS)
        else:
            _exhaust(scores)
        if not evaluation.tokens:
            raise UsageError(f"{' '.join(map(str, asked.files))} has no words: there is nothing to measure")
        facts = {**_facts(evaluation, model, asked.model.name), "protocol": _protocol(asked, context)}
        if kind == "json":
            out.write(json.dumps(facts, ensure_ascii=False) + "\n")
        elif asked.per_sentence:
            click.echo(_told(facts), err=True)
        else:
            out.write(_told(facts) + "\n")


def _exhaust(scores: Iterable[Scored]) -> None:
    for _ in scores:
        pass


def _facts(evaluation: Evaluation, model: LanguageModel, name: str) -> dict:
    low, high = evaluation.interval or (None, None)
    return {
        "model": name,
        "vocabulary": len(model.vocabulary),
        "perplexity": evaluation.perplexity,
        "low": low,
        "high": high,
        "bits_per_word": evaluation.nats / BASES["2"],
        "perplexity_without_oov": evaluation.known_perplexity,
        "predictions": evaluation.tokens,
        "words": evaluation.words,
        "sentences": evaluation.sentences,
        "oov": evaluation.oov,
    }


def _protocol(asked: _Options, context: str) -> str:
    """What was predicted from what, in words."""
    return "; ".join(
        (
            "every word and sentence end is predicted, the first after <S>",
            f"the memory is {MEMORY[context]}",
            "an OOV word is <UNK> as a target and read "
            + ("by its spelling" if asked.oov_input == "chars" else "as <UNK>"),
            f"softmax rows without a word are {'left out' if asked.renormalize else 'counted in'}",
            *(["special tokens are read by their spelling"] if asked.model.engine.spelled_marks else []),
            "words as they stand" if asked.splitting.tokenized else "text tokenised by Moses' rules",
        )
    )


def _told(facts: dict) -> str:
    interval = f" (95 % interval {facts['low']:.2f} to {facts['high']:.2f})" if facts["low"] is not None else ""
    return "\n".join(
        (
            f"perplexity {facts['perplexity']:.2f}{interval}, {facts['bits_per_word']:.4f} bits per word",
            f"perplexity {facts['perplexity_without_oov']:.2f} without OOV targets",
            f"{facts['predictions']:,} predictions: {facts['words']:,} words and {facts['sentences']:,} sentence ends",
            f"{facts['oov']:,} OOV ({facts['oov'] / facts['predictions']:.2%}): {facts['model']} has {facts['vocabulary']:,} words",
            f"protocol: {facts['protocol']}",
        )
    )
