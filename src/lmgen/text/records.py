"""Records of a file: lines of text, JSON lines, CSV or TSV."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lmgen.errors import UsageError
from lmgen.text.lines import read_lines
from lmgen.text.tokenizer import LONGEST

Record = dict[str, Any]


def kind_of(path: Path) -> str:
    """What a file holds, by its suffix: `jsonl`, `csv`, `tsv` or `text`."""
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix[1:]
    return suffix if suffix in ("jsonl", "csv", "tsv") else "text"


def read_records(path: Path, texts: Sequence[str]) -> Iterator[tuple[Record, str]]:
    """The records of a file, by its suffix, each with its place for messages.

    `.jsonl`: objects; `.csv`, `.tsv`: rows under a header. Anything else, and `-` for stdin: lines, each
    under the first name of `texts`. Raises UsageError where one of the columns `texts` is missing.
    """
    kind = kind_of(path)
    if kind == "jsonl":
        yield from _objects(path, texts)
    elif kind != "text":
        yield from _rows(path, texts)
    else:
        for number, line in enumerate(_lines(path), 1):
            yield {texts[0]: line}, f"{path}, line {number}"


def _lines(path: Path) -> Iterator[str]:
    """Lines without the byte order mark that spreadsheets put first."""
    for number, line in enumerate(read_lines(path)):
        yield line if number else line.removeprefix("\ufeff")


def _objects(path: Path, texts: Sequence[str]) -> Iterator[tuple[Record, str]]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}, line {number} is not JSON: {error.msg}") from error
        for name in texts:
            if not isinstance(record, dict) or not isinstance(record.get(name), str):
                raise UsageError(f"{path}, line {number} is not an object with a text {name!r}")
        yield record, f"{path}, line {number}"


def _rows(path: Path, texts: Sequence[str]) -> Iterator[tuple[Record, str]]:
    csv.field_size_limit(LONGEST)  # of the whole process; the module's own is an eighth of it
    reader = csv.DictReader(_lines(path), delimiter="\t" if kind_of(path) == "tsv" else ",")
    try:
        for name in texts:
            if name not in (reader.fieldnames or ()):
                raise UsageError(f"{path} has no column {name!r}, only {', '.join(reader.fieldnames or ['none'])}")
        for row in reader:
            record = {name: value for name, value in row.items() if name is not None}
            yield {**record, **{name: record[name] or "" for name in texts}}, f"{path}, line {reader.line_num}"
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num} is not a row of a table: {error}") from error
