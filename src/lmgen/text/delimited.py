"""Rows of CSV and TSV, and sentences with a token on each line: CoNLL-U and vertical text."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


# A token on each line -------------------------------------------------------------------------

WIDTH = 10
"""Columns of CoNLL-U; the second is the form, the last has `SpaceAfter=No`."""
_ID = re.compile(r"(\d+)(?:-(\d+)|(\.\d+))?")
Placed = tuple[dict[str, Any], str]


@dataclass
class _Block:
    """A sentence's lines, with their numbers."""

    first: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)


def vertical_records(path: Path, column: str, encoding: str, faults: Faults) -> Iterator[Placed]:
    """A record for each sentence of a text with a token on each line; {} for blank lines beyond the one between two.

    Args:
      column: where the tokens stand, with spaces between.

    A token with a tab in it is one of `faults`, named with its line.
    """
    for block in _blocks(path, encoding, faults):
        place = f"{path}, line {block.first}"
        if not block.lines:
            yield {}, place
            continue
        try:
            text = " ".join(_token(line, f"{path}, line {number}", faults) for number, line in block.lines)
        except UsageError as error:
            faults.met(error)
        else:
            yield {column: text}, place


def _token(line: str, place: str, faults: Faults) -> str:
    if faults.skips(line):
        raise UsageError(f"{place} is not text in the file's encoding")
    if "\t" in line:
        hint = "name its columns in a heading, and give --input-format tsv and --word-column"
        raise UsageError(f"{place} has several columns, where a token is due: {hint}")
    return line


def conllu_records(path: Path, column: str, encoding: str, faults: Faults) -> Iterator[Placed]:
    """A record for each sentence of a CoNLL-U file: its text and sent_id, and doc_id if the file begins with a `newdoc`.

    The text is that of the forms (of a multiword token its own), with spaces between but after `SpaceAfter=No`. {} is
    before a new document.

    What is no CoNLL-U, and a `# text` that the forms do not make, are `faults`, named with their line.
    """
    document: str | None = None
    for number, block in enumerate(_blocks(path, encoding, faults, comments=True)):
        place = f"{path}, line {block.first}"
        if not block.lines:
            continue
        new = next((key for key in ("newdoc id", "newdoc") if key in block.comments), None)
        if new:
            document = block.comments[new] if not number or document is not None else None
            yield {}, place
        try:
            text = _text(path, block, faults)
        except UsageError as error:
            faults.met(error)
            continue
        documents = {} if document is None else {"doc_id": document}
        yield {column: text, "sent_id": block.comments.get("sent_id", ""), **documents}, place


def _blocks(path: Path, encoding: str, faults: Faults, comments: bool = False) -> Iterator[_Block]:
    """Sentences; one without lines stands for a blank line after another, or after nothing."""
    block, ended = _Block(1), 0
    for ended, line in enumerate(read_lines(path, encoding, faults), 1):
        text = line.strip()
        if not text:
            yield block
            block = _Block(ended + 1)
        elif comments and text.startswith("#"):
            key, _, value = text[1:].partition("=")
            block.comments[key.strip()] = value.strip()
        else:
            block.lines.append((ended, line.rstrip("\r\n") if comments else text))
    if block.lines:
        yield block


def _text(path: Path, block: _Block, faults: Faults) -> str:
    """What the forms of a sentence make together."""
    text, covered = "", 0
    for number, line in block.lines:
        cells = line.split("\t")
        found = _ID.fullmatch(cells[0])
        if len(cells) != WIDTH or not found or faults.skips(line):
            what = f"{len(cells)} columns" if len(cells) != WIDTH else f"the ID {cells[0]!r}"
            needed = f"is not CoNLL-U, which has {WIDTH} columns and begins with an ID"
            raise UsageError(f"{path}, line {number} {needed}: {what}")
        if found[3] or (not found[2] and int(found[1]) <= covered):
            continue  # an empty node, or a word within a multiword token
        covered = int(found[2] or covered)
        text += cells[1] + ("" if "SpaceAfter=No" in cells[9].split("|") else " ")
    comment = block.comments.get("text")
    if comment is not None and comment.split() != text.split():
        raise UsageError(f"{path}, line {block.first}: the forms make {text.strip()!r}, and # text is {comment!r}")
    return text.strip()
