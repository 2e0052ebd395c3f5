"""Prefixes to go on from, read from text, JSON lines, CSV or TSV."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmgen.corpus import read_lines
from lmgen.errors import UsageError
from lmgen.generate import Generation, changed, option_names
from lmgen.tokenizer import tokenize

COLUMN = "prefix"
LONGEST = 1 << 20
"""Characters of a prefix at most: more is a mistake rather than a prefix (a file without line ends, say)."""


@dataclass(frozen=True)
class Prompt:
    """A prefix and how to go on from it."""

    words: list[str]
    options: Generation
    extra: dict[str, Any] = field(default_factory=dict)
    """Columns of its own, passed through to the output."""


def split_words(tokenized: bool) -> Callable[[str], list[str]]:
    """How to make words of a prefix: by Moses' rules, or at white space if it is tokenised already."""
    split = str.split if tokenized else tokenize

    def split_short(text: str) -> list[str]:
        if len(text) > LONGEST:
            raise UsageError(f"a prefix of {len(text):,} characters is too long, {LONGEST:,} are read at most")
        return split(text)

    return split_short


def read_prompts(path: Path, options: Generation, split: Callable[[str], list[str]]) -> Iterator[Prompt]:
    """The prompts of a file, by its suffix.

    `.jsonl`: objects with `prefix`; option names (`temperature`, `max_words`, …) set that prompt's
    options. `.csv`, `.tsv`: a header with the column `prefix`. Anything else: a prefix a line, an empty
    line begins a sentence. Other keys and columns are passed through.
    """
    suffix = "".join(path.suffixes).removesuffix(".gz").lower()
    if suffix.endswith(".jsonl"):
        for number, line in enumerate(read_lines(path), 1):
            if line.strip():
                yield _from_record(_parse(line, path, number), options, split, f"{path}, line {number}")
    elif suffix.endswith((".csv", ".tsv")):
        reader = csv.DictReader(read_lines(path), delimiter="\t" if suffix.endswith(".tsv") else ",")
        if COLUMN not in (reader.fieldnames or ()):
            raise UsageError(f"{path} has no column {COLUMN!r}, only {', '.join(reader.fieldnames or ['none'])}")
        for row in _rows(reader, path):
            extra = {name: value for name, value in row.items() if name not in (COLUMN, None)}
            with _telling(f"{path}, line {reader.line_num}"):
                yield Prompt(split(row[COLUMN] or ""), options, extra)
    else:
        for number, line in enumerate(read_lines(path), 1):
            with _telling(f"{path}, line {number}"):
                yield Prompt(split(line), options)


def _rows(reader: csv.DictReader, path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(LONGEST)  # of the whole process; the module's own is an eighth of it
    try:
        yield from reader
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num + 1}: {error}") from error


@contextmanager
def _telling(place: str) -> Iterator[None]:
    """Begin what is said of a mistake with its place."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error


def _parse(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {number} is not JSON: {error.msg}") from error
    if not isinstance(record, dict) or not isinstance(record.get(COLUMN), str):
        raise UsageError(f"{path}, line {number} is not an object with a text {COLUMN!r}")
    return record


def _from_record(record: dict[str, Any], options: Generation, split: Callable[[str], list[str]], place: str) -> Prompt:
    known = option_names()
    extra = {name: value for name, value in record.items() if name not in known and name != COLUMN}
    with _telling(place):
        wanted = changed(options, {name: value for name, value in record.items() if name in known})
        return Prompt(split(record[COLUMN]), wanted, extra)
