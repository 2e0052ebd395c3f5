"""Rows as TSV, CSV, JSON lines or an aligned table."""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

from lmgen.errors import UsageError
from lmgen.text.vocabulary import encode

Row = dict[str, Any]

KINDS = ("table", "tsv", "csv", "jsonl")
OURS = "lmgen_"
"""Begins the name of a column of lmgen's where the user has one of that name."""
_TEXT, _NUMBER = 16, 10
"""Widths of an aligned table's columns; what is longer moves the rest of its row."""
_BREAK = re.compile("\r\n|[\t\r\n]")


def clean(text: str) -> str:
    """Text that can be written as UTF-8, whatever bytes or halves of characters it was read from."""
    return encode(text).decode("utf-8", "replace")


def cell(value: object) -> str:
    """A value as a cell of TSV: on one line, without tabs, and in quotes if it holds one, as spreadsheets write it."""
    text = _BREAK.sub(" ", _text(value))
    return _quoted(text) if '"' in text else text


def _csv_cell(value: object) -> str:
    text = _text(value)
    # csv.writer leaves a lone \r as it is, which ends a row for those who read it
    return _quoted(text) if any(mark in text for mark in '",\r\n') else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(value: object) -> str:
    if isinstance(value, str):
        return clean(value).replace("\0", "\ufffd")  # a NUL ends the text for many programs
    if isinstance(value, (dict, list)):
        return json.dumps(plain(value), ensure_ascii=False)
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)


def joined(extra: Row, own: Row) -> Row:
    """The user's columns, then lmgen's: where both have a name the user's keeps it."""
    return {**extra, **{own_name(name, extra): value for name, value in own.items()}}


def own_name(name: str, taken: Iterable[str]) -> str:
    """The name of a column of lmgen's among others."""
    return own_name(OURS + name, taken) if name in taken else name


def write_rows(rows: Iterable[Row], out: IO[str], kind: str, columns: Sequence[str] = ()) -> None:
    """Write rows as they come.

    Args:
      kind: one of KINDS. Texts and numbers are written as they are; in a table truth values as 0 and 1, None as nothing,
        lists and dictionaries as JSON.
      columns: the heading where there are no rows; else the first row's names are.

    Raises UsageError for a row of a table with a name that the first lacks.
    """
    write: Callable[[Row], object] | None = None
    for row in rows:
        write = write or begin_rows(list(row), out, kind, row)
        write(row)
        out.flush()
    if write is None and columns:
        begin_rows(list(columns), out, kind, {})
    out.flush()


def begin_rows(names: list[str], out: IO[str], kind: str, first: Row) -> Callable[[Row], object]:
    """Write the heading, but of JSON lines; returns what writes a row. Arguments are as for `write_rows`.

    Args:
      names: the columns.
      first: the first row, by which an aligned table knows texts from numbers.
    """
    if kind == "jsonl":
        return lambda row: out.write(json.dumps(plain(row), ensure_ascii=False) + "\n")
    line = _aligned([isinstance(first.get(name), str) for name in names], out) if kind == "table" else _line(out, kind)
    line(names)
    known = set(names)

    def write(row: Row) -> None:
        if not known.issuperset(row):
            new = next(name for name in row if name not in known)
            raise UsageError(
                f"a row has a column {new!r} that the first one lacks: give a file, not a pipe, or --format jsonl"
            )
        line([row.get(name) for name in names])

    return write


def _line(out: IO[str], kind: str) -> Callable[[Sequence[object]], None]:
    """What writes a line of TSV or CSV."""
    of_value, comma = (_csv_cell, ",") if kind == "csv" else (cell, "\t")

    def line(values: Sequence[object]) -> None:
        # a blank line would be no row
        out.write((comma.join(map(of_value, values)) or _quoted("")) + "\n")

    return line


def _aligned(texts: Sequence[bool], out: IO[str]) -> Callable[[Sequence[object]], None]:
    """What writes a line of cells: texts to the left, numbers to the right of their columns."""

    def line(values: Sequence[object]) -> None:
        pairs = zip((" ".join(_text(value).split()) for value in values), texts, strict=True)
        out.write(
            "  ".join(f"{cell:<{_TEXT}}" if text else f"{cell:>{_NUMBER}}" for cell, text in pairs).rstrip() + "\n"
        )

    return line


def plain(value: Any) -> Any:
    """What JSON can hold: no halves of characters, and null for what is no number."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
