"""Rows of CSV and TSV files."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from lmgen.errors import UsageError
from lmgen.text.lines import Faults, read_lines
from lmgen.text.tokenizer import LONGEST

_QUOTED = re.compile('"((?:[^"]|"")*)"')


def csv_rows(path: Path, encoding: str, delimiter: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row and the line it begins on; no cells for a blank line. What is not a row is one of `faults`."""
    csv.field_size_limit(LONGEST)  # of the whole process; the module's own is an eighth of it
    reader, begin = csv.reader(read_lines(path, encoding, faults), delimiter=delimiter, strict=True), 1
    cells: list[str] | None = []
    while cells is not None:
        try:
            if (cells := next(reader, None)) is not None:
                yield begin, cells
        except csv.Error as error:
            why = "a quote is never closed" if "end of data" in str(error) else error
            faults.met(UsageError(f"{path}, line {begin} is not a row of a table: {why}"))
        begin = reader.line_num + 1


def tsv_rows(path: Path, encoding: str, delimiter: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Likewise of a table with a row on each line, where quotes count only around a whole cell."""
    tabs = re.escape(delimiter)
    cells_with_tabs = re.compile(f'(?:^|{tabs})("(?:[^"]|"")*"(?={tabs}|$)|[^{tabs}]*)')
    width = 0
    for number, line in enumerate(read_lines(path, encoding, faults), 1):
        text = line.rstrip("\r\n")
        cells = text.split(delimiter) if text else []
        if cells and width and len(cells) != width:
            cells = cells_with_tabs.findall(text)
        width = width or len(cells)
        yield number, [_unquoted(cell) for cell in cells]


def _unquoted(cell: str) -> str:
    quoted = _QUOTED.fullmatch(cell)
    return quoted[1].replace('""', '"') if quoted else cell
