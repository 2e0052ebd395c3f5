"""Files that are written whole or not at all."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lmgen.errors import MissingError


@contextlib.contextmanager
def open_output(path: str) -> Iterator[IO[str]]:
    """A file to write, or `-` for stdout; see `whole_file`."""
    if path == "-":
        yield sys.stdout
        return
    with whole_file(Path(path)) as partial, open(partial, "w", encoding="utf-8") as file:
        yield file


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A file to write, under a temporary name; it appears under its own at the end, whole.

    What was written before a Ctrl-C is kept; after any other failure nothing is.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        partial.touch(exist_ok=False)
    except OSError as error:
        raise MissingError(f"cannot write {target}: {error.strerror}") from error
    try:
        yield partial
    except Exception:
        partial.unlink()
        raise
    except BaseException:
        partial.replace(target)
        raise
    partial.replace(target)
