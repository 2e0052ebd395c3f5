"""`lmgen eval`: the perplexity of a text."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.model_options import ModelChoice
from lmgen.cli.options import OUTPUT, complete_local
from lmgen.cli.parts import stream_parts
from lmgen.cli.spread import WORKERS, Spread
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring import (
    BASES,
    SENTENCE_COLUMNS,
    Comparison,
    Evaluation,
    NoRows,
    Scored,
    Sentence,
    SentenceWriter,
    score_sentences,
)
from lmgen.text import KINDS, Vocabulary, open_output
from lmgen.workers import ScoreTexts

MEMORY = {
    "sentence": "emptied at each sentence",
    "document": "emptied at blank lines",
    "stream": "never emptied",
}


@dataclass(frozen=True, kw_only=True)
class _Options(shared.ScoredTexts):
    per_sentence: bool
    against: str | None
    kind: str | None
    output: str
    spread: Spread

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.against and self.spread.several:
            raise UsageError("--against has both models in this process: leave out --workers and --ray")

    @property
    def other(self) -> ModelChoice | None:
        """The model to compare with, on the same engine."""
        return replace(self.model, name=self.against) if self.against else None


@click.command("eval")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@shared.CONTEXT
@click.option("--per-sentence", is_flag=True, help="Write a row for every sentence; the sum goes to stderr.")
@click.option(
    "--against",
    metavar="MODEL|FOLDER",
    shell_complete=complete_local,
    help="Compare with this model: the difference per word, over the words that both vocabularies have.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(("text", "json", *KINDS)),
    help="Output format: of the result (text, json), or of the rows of --per-sentence.  [default: text, tsv]",
)
@OUTPUT
@shared.TABLE_COLUMN
@INPUT
@WORKERS
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
      lmgen eval news.txt -m models/news --against mini
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
    evaluation, comparison = Evaluation(), Comparison()
    job = ScoreTexts(asked.scoring(), SentenceWriter("2", "sum", kind) if asked.per_sentence else NoRows())
    with open_output(asked.output) as out:
        if asked.spread.several:
            asked.check_cut(context)
            found = asked.spread.each(asked.spread.task(job, asked.model, files), sentences, asked.watch(asked.output))
            for part in stream_parts(found, job, out):
                evaluation.add_all(part.sums)
        else:
            model = asked.model.open(files)
            scores = asked.watch(asked.output)(_scores(asked, model, sentences, comparison))
            job.write(evaluation.count(scores), model.vocabulary, out)
        if not evaluation.tokens:
            raise UsageError(f"{' '.join(map(str, asked.files))} has no words: there is nothing to measure")
        facts = {**_facts(evaluation, files, asked.model.name), "protocol": _protocol(asked, context)}
        facts.update({"against": _difference(comparison, asked.against)} if asked.against else {})
        if kind == "json":
            out.write(json.dumps(facts, ensure_ascii=False) + "\n")
        elif asked.per_sentence:
            click.echo(_told(facts), err=True)
        else:
            out.write(_told(facts) + "\n")


def _scores(
    asked: _Options, model: LanguageModel, sentences: Iterable[Sentence], comparison: Comparison
) -> Iterator[Scored]:
    """The model's scores; if there is another model, it scores each sentence too."""
    choice, wanted = asked.other, asked.scoring()
    if not choice:
        yield from score_sentences(model, sentences, wanted)
        return
    other = choice.open(choice.find())
    ours, theirs = tee(sentences)
    for pair in zip(score_sentences(model, ours, wanted), score_sentences(other, theirs, wanted), strict=True):
        comparison.add(*pair)
        yield pair[0]


def _facts(evaluation: Evaluation, files: ModelFiles, name: str) -> dict:
    low, high = evaluation.interval or (None, None)
    return {
        "model": name,
        "vocabulary": len(Vocabulary.load(files.vocabulary)),
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


def _difference(comparison: Comparison, name: str) -> dict:
    """In bits per prediction; above 0 where the model is better than the other."""
    bits = [None if value is None else value / BASES["2"] for value in comparison.interval or (None, None)]
    return {
        "model": name,
        "bits_per_word": comparison.nats / BASES["2"],
        "low": bits[0],
        "high": bits[1],
        "predictions": comparison.tokens,
        "left_out": comparison.left_out,
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
            *([_compared_line(facts["against"])] if "against" in facts else []),
            f"protocol: {facts['protocol']}",
        )
    )


def _compared_line(facts: dict) -> str:
    interval = f" (95 % interval {facts['low']:+.4f} to {facts['high']:+.4f})" if facts["low"] is not None else ""
    return (
        f"against {facts['model']}: {facts['bits_per_word']:+.4f} bits per word{interval} over {facts['predictions']:,} "
        f"predictions; {facts['left_out']:,} left out, whose words one vocabulary lacks"
    )
