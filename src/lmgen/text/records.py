"""Records of a file: lines of text, JSON lines, CSV or TSV, Parquet, sentences with a token on each line."""

import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lmgen.errors import UsageError
from lmgen.text.delimited import conllu_records, csv_rows, tsv_rows, vertical_records
from lmgen.text.lines import UTF8, Faults, read_lines
from lmgen.text.parquet import parquet_names, parquet_rows
from lmgen.text.tables import plain

Record = dict[str, Any]

DELIMITERS = {"csv": ",", "tsv": "\t"}
LINED = ("text", "conllu", "vertical")
"""Kinds whose records are texts, without columns of the user's names."""
TABLES = ("jsonl", *DELIMITERS, "parquet")
"""Kinds whose records have columns of the user's names."""
BY_LINE = ("text", "jsonl", *DELIMITERS)
"""Kinds in which a line is a record, most often."""
INPUT_KINDS = ("text", *TABLES, "conllu", "vertical")
_SUFFIXES = {kind: kind for kind in INPUT_KINDS[1:-1]} | {"ndjson": "jsonl", "tab": "tsv"}
_UNREAD = {
    "json": "JSON: write an object on each line of a .jsonl (jq -c .[])",
    "conll": "CoNLL of one kind or another: give --input-format conllu if it is CoNLL-U, vertical for a token on each line",
    **dict.fromkeys(("xml", "html", "htm", "rtf"), "markup: write its text alone into a .txt"),
}
"""What would be scored as prose, by its suffix, and what to do."""


@dataclass(frozen=True)
class InputFormat:
    """How a file of texts is read."""

    kind: str | None = None
    """One of INPUT_KINDS; None for what the file's suffix says."""
    encoding: str = UTF8
    """A name that Python knows."""
    delimiter: str | None = None
    """One character, between the cells of csv and tsv; None for their own."""
    names: tuple[str, ...] = ()
    """Columns that every record gets, with None where it has none of its own."""
    faults: Faults = field(default_factory=Faults)
    """What becomes of rows that cannot be read."""

    def __post_init__(self) -> None:
        try:
            io.TextIOWrapper(io.BytesIO(), self.encoding)
        except LookupError as error:
            raise UsageError(f"there is no encoding {self.encoding!r}: utf-16, latin-1 and cp1252 are some") from error
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise UsageError(f"a delimiter is one character, and no quote or line end, not {self.delimiter!r}")

    def kind_of(self, path: Path) -> str:
        """What a file holds. Raises UsageError if it is nothing that can be read, or a delimiter has no place in it."""
        suffix = _suffix(path)
        if self.kind is None and suffix in _UNREAD:
            raise UsageError(f"{path} is not read, as it is {_UNREAD[suffix]}")
        kind = self.kind or kind_of(path)
        if self.delimiter and kind not in DELIMITERS:
            raise UsageError(f"{path} is read as {kind}: --delimiter is for csv and tsv, which --input-format names")
        return kind


def kind_of(path: Path) -> str:
    """What a file holds, by its suffix: one of INPUT_KINDS, `text` for one that says nothing."""
    return _SUFFIXES.get(_suffix(path), "text")


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix[1:]


def read_records(
    path: Path,
    texts: Sequence[str],
    form: InputFormat = InputFormat(),
    blank_lines: bool = False,
) -> Iterator[tuple[Record, str]]:
    """The records of a file, each with its place for messages.

    `jsonl`: objects; `csv`, `tsv`: rows under a heading; `parquet`: rows. `text`: lines, each under the only name of
    `texts`; `conllu`, `vertical`: sentences, likewise.

    Args:
      texts: columns that hold texts.
      blank_lines: an empty record for each blank line between objects or rows, which are passed over without it.

    Raises UsageError, naming the line, where one of `texts` is missing or a row is longer or shorter than the heading,
    unless `form.faults` passes over such rows.
    """
    kind = form.kind_of(path)
    if kind in LINED and len(texts) > 1:
        raise UsageError(f"{path} is read as {kind}, without columns {', '.join(texts)}: csv, tsv and jsonl have them")
    for record, place in _READERS.get(kind, _rows)(path, texts, form):
        if record:
            yield {**dict.fromkeys(form.names), **record}, place
        elif blank_lines:
            yield {}, place


def names_of(path: Path, form: InputFormat) -> list[str]:
    """The columns of a file, in the order in which they come up: of JSON lines the keys of all objects, of text none."""
    kind, quiet = form.kind_of(path), replace(form, faults=Faults(form.faults.way))
    if kind in LINED:
        return []
    if kind == "parquet":
        return parquet_names(path)
    if kind == "jsonl":
        return list(dict.fromkeys(name for record, _ in _objects(path, (), quiet) for name in record))
    return next((cells for _, cells in _cells(path, quiet) if cells), [])


def _lines(path: Path, texts: Sequence[str], form: InputFormat) -> Iterator[tuple[Record, str]]:
    for number, line in enumerate(read_lines(path, form.encoding, form.faults), 1):
        place = f"{path}, line {number}"
        if form.faults.skips(line):
            form.faults.met(_not_text(place, form))
        else:
            yield {texts[0]: line}, place


def _sentences(path: Path, texts: Sequence[str], form: InputFormat) -> Iterator[tuple[Record, str]]:
    read = conllu_records if form.kind_of(path) == "conllu" else vertical_records
    return read(path, texts[0], form.encoding, form.faults)


def _columns(path: Path, texts: Sequence[str], form: InputFormat) -> Iterator[tuple[Record, str]]:
    for record, place in parquet_rows(path):
        if missing := [name for name in texts if not isinstance(record.get(name), str)]:
            form.faults.met(UsageError(f"{place} has no text {missing[0]!r}, only columns {', '.join(record)}"))
        else:
            yield record, place


def _objects(path: Path, texts: Sequence[str], form: InputFormat) -> Iterator[tuple[Record, str]]:
    for number, line in enumerate(read_lines(path, form.encoding, form.faults), 1):
        place = f"{path}, line {number}"
        try:
            record = _object(line, texts, place, form) if line.strip() else {}
        except UsageError as error:
            form.faults.met(error)
        else:
            yield record, place


def _object(line: str, texts: Sequence[str], place: str, form: InputFormat) -> Record:
    if form.faults.skips(line):
        raise _not_text(place, form)
    record = _parsed(line, place)
    for name in texts:
        if not isinstance(record.get(name), str):
            raise UsageError(f"{place} is not a JSON object with a text {name!r}")
        if "\0" in record[name]:
            raise UsageError(f"{place}: {name!r} is not text, as it holds a NUL character")
    return record


def _not_text(place: str, form: InputFormat) -> UsageError:
    return UsageError(f"{place} is not {form.encoding.upper()} text")


def _parsed(line: str, place: str) -> Record:
    try:
        record = plain(json.loads(line, parse_float=_finite, parse_constant=_finite))
    except json.JSONDecodeError as error:
        raise UsageError(f"{place} is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise UsageError(f"{place} cannot be read: it is nested too deeply") from error
    except ValueError as error:
        raise UsageError(f"{place} cannot be read: {error}") from error
    if not isinstance(record, dict):
        raise UsageError(f"{place} is not a JSON object: write one on each line, in braces")
    return record


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is not a number that JSON can hold")
    return value


def _rows(path: Path, texts: Sequence[str], form: InputFormat) -> Iterator[tuple[Record, str]]:
    rows = _cells(path, form)
    names = next((cells for _, cells in rows if cells), [])
    _check_heading(path, names, texts)
    for number, cells in rows:
        place = f"{path}, line {number}"
        if not cells or (len(cells) == 1 < len(names) and not cells[0].strip()):
            yield {}, place
        elif any(map(form.faults.skips, cells)):
            form.faults.met(_not_text(place, form))
        elif len(cells) != len(names):
            form.faults.met(UsageError(f"{place}: {len(cells)} cells, where the heading has {len(names)}"))
        else:
            yield dict(zip(names, cells, strict=True)), place


def _cells(path: Path, form: InputFormat) -> Iterator[tuple[int, list[str]]]:
    kind = form.kind_of(path)
    read = tsv_rows if kind == "tsv" else csv_rows
    return read(path, form.encoding, form.delimiter or DELIMITERS[kind], form.faults)


def _check_heading(path: Path, names: Sequence[str], texts: Sequence[str]) -> None:
    for name in texts:
        if name not in names:
            hint = " (--delimiter says what is between columns)" if len(names) == 1 else ""
            raise UsageError(f"{path} has no column {name!r}, only {', '.join(names) or 'none'}{hint}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{path} has two columns {twice[0]!r}: give each a name of its own")


_READERS = {"text": _lines, "jsonl": _objects, "parquet": _columns, "conllu": _sentences, "vertical": _sentences}
"""What reads each kind but the delimited ones."""
