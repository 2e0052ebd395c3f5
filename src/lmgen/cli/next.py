"""`lmgen next`: the exact distribution of the next word."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from lmgen.cli import scoring_options as shared
from lmgen.cli.options import Destination
from lmgen.embeddings import WordSpace
from lmgen.errors import UsageError
from lmgen.generation import matching
from lmgen.model import read
from lmgen.scoring import (
    BASES,
    UNITS,
    Distribution,
    NextWord,
    as_input,
    candidate_tokens,
    decimals,
    next_candidates,
    next_rows,
    next_words,
    suffix_logprobs,
)
from lmgen.text import Row, open_rows, words_of, write_rows

_COMMA = re.compile(r"(?<=\S),(?=\S)")
BAR = 30
"""Characters of the longest bar."""


@dataclass(frozen=True, kw_only=True)
class _Options(shared.Reading):
    count: int
    full: bool
    candidates: tuple[str, ...]
    starts_with: str
    pattern: str | None
    suffix: str
    information_value: bool
    base: str
    to: Destination
    stats: bool


@click.command("next")
@click.argument("prefix", default="")
@click.option("-k", "count", type=click.IntRange(1), default=20, show_default=True, help="Number of words to print.")
@click.option("--full", is_flag=True, help="Every word of the vocabulary, the most likely first.")
@click.option(
    "--candidates",
    multiple=True,
    metavar="WORDS|@FILE",
    help="Print only these words, in this order: separated by spaces, or by commas if one has several words.",
)
@click.option("--starts-with", default="", metavar="LETTERS", help="Only words that start with LETTERS.")
@click.option("--match", "pattern", metavar="REGEX", help="Only words in which this is found.")
@click.option(
    "--suffix", default="", metavar="TEXT", help="Rank the words by P(word) x P(TEXT after it), both after PREFIX."
)
@click.option(
    "--information-value",
    is_flag=True,
    help="How far each word is from the one that comes: the mean of 1 - cosine of their softmax rows.",
)
@shared.BASE
@shared.table_to()
@click.option("--stats", is_flag=True, help="Print entropy and shares on stderr; a table has them beneath.")
@shared.READING
def next_command(prefix: str, **options) -> None:
    """Show what may follow PREFIX: rank, word, probability, the probability of all words so far, surprisal.

    Beneath a table: the distribution's entropy, the probability of <UNK>, the share of the softmax in rows
    without a word, and what the listed and the matching words have together. With --suffix, the words listed
    (the -k most likely, or the candidates) are ranked with what follows them (with --no-tokenize also </S>).

    \b
    Examples:
      lmgen next "I love" -k 5
      lmgen next "The keys to the cabinet" --candidates "is are was were"
      lmgen next "He wanted" --candidates "ice cream,sorbet,some of it"
      lmgen next "She is a" --suffix "of mine" --candidates "friend sister"
      lmgen next "It was" --match "^un.*ed$" -k 10
    """
    asked = _Options(**options)
    if asked.candidates and (asked.pattern or asked.starts_with or asked.full):
        raise UsageError("--candidates are listed as they are: leave out --full, --match and --starts-with")
    split = asked.splitting.words
    candidates, wanted = _candidates(asked.candidates), asked.scoring()
    model = asked.model.open(asked.model.find())
    context = read(model, list(map(as_input(model, wanted), split(prefix))))
    distribution = next_words(model, context, asked.renormalize)
    among = _among(asked, distribution)
    count = None if asked.full else asked.count
    tokens = {name: candidate_tokens(name, model.vocabulary, split) for name in candidates}
    if tokens:
        listed = next_candidates(model, context, distribution, tokens, wanted)
    else:
        listed = distribution.best(count, among)
    words = [tokens.get(entry.word, [entry.word]) for entry in listed]
    follows = suffix_logprobs(model, context, words, split(asked.suffix), wanted) if asked.suffix else None
    rows = next_rows(listed, asked.base, follows)
    if asked.information_value:
        _add_information_values(rows, WordSpace(model, "out"), distribution)
    with open_rows(asked.to.output) as out:
        if asked.to.kind == "table" and out.isatty():
            _draw_bars(rows)
        write_rows(rows, out, asked.to.kind, tuple(next_rows([NextWord("", 1, 1.0, 1.0)], "e")[0]))
        facts = _facts(distribution, listed, among, asked.base)
        if asked.to.kind == "table":
            out.write("\n" + "".join(f"{name}: {value}\n" for name, value in facts))
    if asked.stats:
        for name, value in facts:
            click.echo(f"{name}\t{value}", err=True)


def _candidates(given: tuple[str, ...]) -> list[str]:
    """The words of texts and of files; a text with commas between has what stands between them."""
    found: list[str] = []
    for text in given:
        if text.startswith("@") and len(text) > 1:
            found += words_of(Path(text[1:]))
        else:
            found += map(str.strip, _COMMA.split(text)) if _COMMA.search(text) else text.split()
    return list(dict.fromkeys(found))


def _among(asked: _Options, distribution: Distribution) -> np.ndarray | None:
    """Which words the patterns leave, bool [words]; None where there are no patterns."""
    if not asked.pattern and not asked.starts_with:
        return None
    among = distribution.starting_with(asked.starts_with)
    if asked.pattern:
        found = np.zeros(len(among), bool)
        found[matching([f"/{asked.pattern}/"], distribution.vocabulary)] = True
        among &= found
    return among


def _add_information_values(rows: list[Row], space: WordSpace, distribution: Distribution) -> None:
    """A column of them, empty for what is not one word of the vocabulary."""
    values = space.information_values([row["word"] for row in rows], distribution.probs)
    for row, value in zip(rows, values.tolist(), strict=True):
        row["information_value"] = None if math.isnan(value) else decimals(value)


def _draw_bars(rows: list[Row]) -> None:
    """Add a bar to each row, in proportion to the probability that ranks it."""
    name = "joint_prob" if rows and "joint_prob" in rows[0] else "prob"
    highest = max((row[name] for row in rows), default=0) or 1
    for row in rows:
        row["bar"] = "█" * round(BAR * row[name] / highest)


def _facts(
    distribution: Distribution, listed: list[NextWord], among: np.ndarray | None, base: str
) -> Iterator[tuple[str, str]]:
    yield f"entropy, {UNITS[base]}", f"{distribution.entropy / BASES[base]:.6f}"
    yield "probability of <UNK>", f"{distribution.unknown:.6g}"
    yield "softmax rows without a word", f"{distribution.wordless:.6g}"
    yield "listed words together", f"{sum(entry.prob for entry in listed):.6g}"
    if among is not None:
        yield "matching words together", f"{distribution.probs[among].sum():.6g}"
