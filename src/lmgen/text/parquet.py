"""Rows in Parquet files, through pyarrow."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from lmgen.errors import LmgenError, MissingError, UsageError, needing

SUFFIX = ".parquet"
ROWS = 4096
"""Rows in memory at once."""


def need_pyarrow() -> ModuleType:
    """The library. Raises UnsupportedError where it is not installed."""
    with needing("parquet", "Parquet"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow


def parquet_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a file, each with its place; what JSON has no type for (dates, decimals) is a text.

    Raises MissingError or UsageError for a file that cannot be read.
    """
    arrow = need_pyarrow()
    if str(path) == "-":
        raise UsageError("Parquet is read from a file, not from stdin: give its name")
    try:
        file = arrow.parquet.ParquetFile(path)
        rows = (row for batch in file.iter_batches(ROWS) for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            yield json.loads(json.dumps(row, default=str)), f"{path}, row {number}"
    except arrow.ArrowException as error:
        raise UsageError(f"{path} is not a Parquet file that can be read: {_first_line(error)}") from error
    except OSError as error:
        raise MissingError(f"cannot read {path}: {error.strerror or _first_line(error)}") from error


def parquet_names(path: Path) -> list[str]:
    """The columns of a file. Raises as `parquet_rows` does."""
    return next((list(row) for row, _ in parquet_rows(path)), [])


@contextlib.contextmanager
def jsonl_as_parquet(target: Path, name: str) -> Iterator[IO[str]]:
    """Where to write rows as JSON lines; they are in the target when all are written, or when an error or an interruption
    ends the writing. `name` is the target's own, for messages.
    """
    need_pyarrow()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as lines:
        try:
            yield lines
            _write(lines, target, name)
        except (KeyboardInterrupt, LmgenError):
            if lines.seek(0, os.SEEK_END):
                _write(lines, target, name)
            raise


def _write(lines: IO[str], target: Path, name: str) -> None:
    arrow = need_pyarrow()
    try:
        tables = [table.schema for table in _tables(arrow, lines)]
        schema = arrow.unify_schemas(tables, promote_options="permissive") if tables else arrow.schema([])
        with arrow.parquet.ParquetWriter(target, schema) as writer:
            for table in _tables(arrow, lines, schema):
                writer.write_table(table)
    except (ValueError, arrow.ArrowException) as error:
        raise UsageError(f"{name}: the rows cannot be Parquet: {_first_line(error)}") from error


def _tables(arrow: ModuleType, lines: IO[str], schema: Any = None) -> Iterator[Any]:
    """Rows in tables of ROWS, with the types they have, or those of a schema."""
    lines.seek(0)
    whole = (line for line in lines if line.endswith("\n"))  # an interruption may cut the last
    while rows := [json.loads(line) for line in islice(whole, ROWS)]:
        kind = arrow.struct(schema) if schema else None
        yield arrow.Table.from_batches([arrow.RecordBatch.from_struct_array(arrow.array(rows, kind))])


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
