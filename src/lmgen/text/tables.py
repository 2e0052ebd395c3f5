"""Rows as TSV, CSV, JSON lines or an aligned table."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import IO, Any

Row = dict[str, Any]

KINDS = ("table", "tsv", "csv", "jsonl")
_TEXT, _NUMBER = 16, 10
"""Widths of an aligned table's columns; what is longer moves the rest of its row."""


def cell(value: object) -> str:
    """A value on one line, without tabs."""
    return " ".join(_text(value).split()) if isinstance(value, str) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return clean(value)
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)


def clean(text: str) -> str:
    """Text that can be written as UTF-8, whatever bytes it was read from."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def write_rows(rows: Iterable[Row], out: IO[str], kind: str, columns: Sequence[str] = ()) -> None:
    """Write rows as they come.

    Args:
      kind: one of KINDS. Values are written as they are; truth values as 0 and 1, None as nothing.
      columns: the heading where there are no rows; else the first row's names are.
    """
    write: Callable[[Row], object] | None = None
    for row in rows:
        write = write or _begin(list(row), out, kind, row)
        write(row)
        out.flush()
    if write is None and columns:
        _begin(list(columns), out, kind, {})
    out.flush()


def _begin(names: list[str], out: IO[str], kind: str, first: Row) -> Callable[[Row], object]:
    """Write the heading; returns what writes a row."""
    if kind == "jsonl":
        return lambda row: out.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
    if kind == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        return lambda row: writer.writerow([_text(row.get(name)) for name in names])
    texts = [isinstance(first.get(name), str) for name in names]
    line = partial(_join, out) if kind == "tsv" else _aligned(texts, out)
    line(names)
    return lambda row: line([cell(row.get(name)) for name in names])


def _join(out: IO[str], cells: Sequence[str]) -> None:
    out.write("\t".join(cells) + "\n")


def _plain(row: Row) -> Row:
    return {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _aligned(texts: Sequence[bool], out: IO[str]) -> Callable[[Sequence[str]], None]:
    """What writes a line of cells: texts to the left, numbers to the right of their columns."""

    def line(cells: Sequence[str]) -> None:
        pairs = zip(cells, texts, strict=True)
        out.write(
            "  ".join(f"{cell:<{_TEXT}}" if text else f"{cell:>{_NUMBER}}" for cell, text in pairs).rstrip() + "\n"
        )

    return line
