"""Sentences to score, read from text, JSON lines, CSV or TSV."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lmgen.errors import UsageError
from lmgen.scoring.score import Sentence
from lmgen.text import Faults, InputFormat, Record, joined, read_records

COLUMN = "text"
FILE_COLUMN = "file"

_BAR = re.compile(r"\s*\|\s*")
Split = Callable[[str], list[str]]


@dataclass(frozen=True)
class Layout:
    """Where the sentences of a table or text are, and how they hang together."""

    column: str = COLUMN
    """Of the text; of a word each, where rows make sentences."""
    split: Split = str.split
    """What makes words of a text."""
    context: str = "sentence"
    """`sentence` starts afresh with each, `document` after a blank line or one without a word, `stream` never."""
    prefix: str | None = None
    """Column of what is read before each text."""
    group: str | None = None
    """Column of the text's group: the state is carried within one and emptied between, whatever the context."""
    sentence: str | None = None
    """Column of the sentence of each row: rows next to each other with the same value make one."""
    region: str | None = None
    """Column of the region of each row within the sentence; without it each row is one."""
    bars: bool = False
    """Whether bars cut a text into regions."""

    @property
    def texts(self) -> list[str]:
        """Columns that must hold texts."""
        return [name for name in (self.column, self.prefix) if name]

    def beside(self, record: Record) -> Record:
        """Those that are passed through."""
        return {name: value for name, value in record.items() if name != self.column}


Placed = tuple[Record, str]
"""A record and its place, for messages."""


def read_texts(paths: Sequence[Path], layout: Layout, form: InputFormat) -> Iterator[Sentence]:
    """The sentences of files, as `sentences_of` has them; of several files each gets the column FILE_COLUMN.

    They are numbered through all files. The LSTM state is not carried from one file into the next.
    """
    numbers = itertools.count(1)
    for path in paths:
        records = read_records(path, layout.texts, form, blank_lines=True)
        for sentence in sentences_of(records, layout, form.faults):
            yield replace(sentence, number=next(numbers), extra=with_file(sentence.extra, path, paths))


def with_file(extra: Record, path: Path, paths: Sequence[Path]) -> Record:
    """Columns of what was read of a file; of several files, FILE_COLUMN too."""
    return joined(extra, {FILE_COLUMN: str(path)}) if len(paths) > 1 else extra


def sentences_of(
    records: Iterable[Placed],
    layout: Layout,
    faults: Faults = Faults(),  # noqa: B008 (it stops at the first, and counts nothing)
) -> Iterator[Sentence]:
    """The sentences of records, those without a word too: one a record, or one of several.

    Raises UsageError, naming the place, for a column that is missing, and for a sentence or group that comes back.

    Args:
      records: each with a text under the layout's column; an empty one is a blank line, and no sentence.
      faults: what becomes of sentences that cannot be made of their rows.
    """
    fresh, number, groups = True, 0, _Blocks(layout.group)
    for rows in _blocks(records, layout):
        record, place = rows[0]
        if record and layout.group:
            fresh = groups.begins(record, place)
        try:
            made = _sentence(rows, layout) if record else None
        except UsageError as error:
            faults.met(error)
            continue
        if made:
            number += 1
            yield replace(made, fresh=fresh, number=number, carried=bool(layout.group) or layout.context != "sentence")
        if made and made.words:
            fresh = layout.context == "sentence" and not layout.group
        elif layout.context == "document":
            fresh = True


class _Blocks:
    """Rows next to each other that have the same value in a column."""

    def __init__(self, column: str | None) -> None:
        self._column, self._seen = column or "", set[str]()
        self._last: str | None = None

    def begins(self, record: Record, place: str) -> bool:
        """Whether a row is the first of its block. Raises UsageError where the block has ended before."""
        if self._column not in record:
            raise UsageError(f"{place} has no column {self._column!r}, only {', '.join(record)}")
        value = str(record[self._column])
        if value == self._last:
            return False
        if value in self._seen:
            raise UsageError(f"{place}: {self._column} {value!r} comes back after others: put its rows together")
        self._last = value
        self._seen.add(value)
        return True


def _blocks(records: Iterable[Placed], layout: Layout) -> Iterator[list[Placed]]:
    """Records that make a sentence together: each alone, unless the layout has a column of sentences."""
    blocks, rows = _Blocks(layout.sentence), list[Placed]()
    for record, place in records:
        if not layout.sentence:
            yield [(record, place)]
        elif record:
            if blocks.begins(record, place) and rows:
                yield rows
                rows = []
            rows.append((record, place))
    if rows:
        yield rows


def _sentence(rows: list[Placed], layout: Layout) -> Sentence:
    record, place = rows[0]
    try:
        prefix = layout.split(record[layout.prefix]) if layout.prefix else []
        if layout.sentence:
            text, regions, beside = _of_rows(rows, layout)
            extra = {name: record[name] for name in (layout.sentence, layout.group) if name}
        else:
            text, regions = regions_of(record[layout.column]) if layout.bars else (record[layout.column], [])
            extra, beside = layout.beside(record), []
        words = layout.split(text)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error
    return Sentence(words, prefix=prefix, extra=extra, text=text, regions=regions, rows=beside, place=place)


def _of_rows(rows: list[Placed], layout: Layout) -> tuple[str, list[tuple[int, int]], list[Record]]:
    """The text of a sentence's rows, its regions, and the columns of each region's first row."""
    text, regions, beside = "", [], []
    regional = _Blocks(layout.region)
    for record, place in rows:
        start = len(text) + bool(text)
        text = f"{text} {record[layout.column].strip()}" if text else record[layout.column].strip()
        if not layout.region or regional.begins(record, place):
            regions.append((start, len(text)))
            beside.append(layout.beside(record))
        else:
            regions[-1] = (regions[-1][0], len(text))
    return text, regions, beside


def regions_of(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text without its bars, and where each region between them is: `The horse | raced` has two.

    White space at a bar is one space; a bar without white space has none in its place.
    """
    plain, regions, begin = "", [], 0
    text = text.strip()
    for found in (*_BAR.finditer(text), None):
        piece = text[begin : found.start() if found else len(text)]
        regions.append((len(plain), len(plain) + len(piece)))
        begin = found.end() if found else begin
        plain += piece + (" " if found and found[0] != "|" and piece else "")
    return plain, regions


def with_words(sentences: Iterable[Sentence], report: Callable[[int], object] = lambda _: None) -> Iterator[Sentence]:
    """The sentences that have a word; `report` is given how many had none, if any had none."""
    empty = 0
    for sentence in sentences:
        if sentence.words:
            yield sentence
        else:
            empty += 1
    if empty:
        report(empty)
