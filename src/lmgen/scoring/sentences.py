"""Sentences to score, read from text, JSON lines, CSV or TSV."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lmgen.errors import UsageError
from lmgen.scoring.choices import Item
from lmgen.scoring.score import Sentence
from lmgen.text import InputFormat, Record, read_records

COLUMN = "text"
BLIMP = ("sentence_good", "sentence_bad")
"""Columns of the Benchmark of Linguistic Minimal Pairs (Warstadt et al. 2020); the first is right."""

Split = Callable[[str], list[str]]


def read_texts(path: Path, column: str, split: Split, context: str, form: InputFormat) -> Iterator[Sentence]:
    """The sentences of a file: one a line, or one in the column of each row; other columns are passed through."""
    records = (record for record, _ in read_records(path, [column], form, blank_lines=True))
    return sentences_of(records, column, split, context)


def sentences_of(records: Iterable[Record], column: str, split: Split, context: str) -> Iterator[Sentence]:
    """The sentences of records, those without a word too.

    Args:
      records: with a text under `column`; an empty one is a blank line, and no sentence.
      context: `sentence` starts afresh with each, `document` after a blank line or one without a word, `stream` never.
    """
    fresh, number = True, 0
    for record in records:
        number += bool(record)
        words = split(record[column]) if record else []
        if record:
            extra = {name: value for name, value in record.items() if name != column}
            yield Sentence(words, fresh, extra, number, carried=context != "sentence")
        fresh = context == "sentence" if words else fresh or context == "document"


def with_words(sentences: Iterable[Sentence], tell: Callable[[int], object] = lambda _: None) -> Iterator[Sentence]:
    """The sentences that have a word; `tell` is given how many had none, if any had none."""
    empty = 0
    for sentence in sentences:
        if sentence.words:
            yield sentence
        else:
            empty += 1
    if empty:
        tell(empty)


def read_items(
    path: Path,
    candidates: Sequence[str],
    answer: str | None,
    split: Split,
    form: InputFormat = InputFormat(),  # noqa: B008 (immutable)
) -> Iterator[Item]:
    """The items of a table.

    Args:
      candidates: the columns with the sentences to choose from.
      answer: the column that says which is right, by its column's name, its number from 1 or its text;
        without it the first is right.
    """
    needed = list(candidates)
    for record, place in read_records(path, needed, form):
        texts = [record[name] for name in needed]
        told = {*needed, answer}
        right = 0 if answer is None else _right(record, answer, needed, texts, place)
        extra = {key: value for key, value in record.items() if key not in told}
        try:
            item = Item(list(map(split, texts)), right, extra)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from error
        yield item


def _right(record: Record, answer: str, names: list[str], texts: list[str], place: str) -> int:
    if answer not in record:
        raise UsageError(f"{place} has no column {answer!r}, only {', '.join(record)}")
    value = str(record[answer]).strip()
    for spelled in (names, list(map(str, range(1, len(names) + 1))), texts):
        if value in spelled:
            return spelled.index(value)
    raise UsageError(f"{place}: the answer {value!r} is none of {', '.join(names)}, nor a number of one")
