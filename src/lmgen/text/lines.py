"""Lines of text files."""

import contextlib
import gzip
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from lmgen.errors import MissingError, UsageError


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a text file, a .gz, or `-` for stdin, in UTF-8. Raises MissingError or UsageError naming the file and line."""
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                if b"\0" in line:
                    raise UsageError(f"{path} is not text: line {number} holds a NUL byte")
                yield line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: line {number}, byte {error.start + 1}") from error
    except (OSError, EOFError) as error:
        raise MissingError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _open(path: Path) -> contextlib.AbstractContextManager[Iterable[bytes]]:
    if str(path) == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")


def words_of(path: Path) -> list[str]:
    """The words of a file, with white space between."""
    try:
        return path.read_text("utf-8").split()
    except OSError as error:
        raise MissingError(f"cannot read the words of {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: see byte {error.start + 1}") from error
