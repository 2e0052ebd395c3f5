"""Lines of text files."""

import contextlib
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from lmgen.errors import MissingError, UsageError

UTF8 = "utf-8"
BYTE_ORDER_MARK = "\ufeff"
"""What spreadsheets and Windows' editors put first; it is no part of the text."""
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, and what stands for bytes that are not in the encoding."""
_REPLACED = "\ufffd"
ERRORS = ("stop", "skip", "replace")
_HINT = "write it in UTF-8; commands that score take an --encoding"


@dataclass
class Faults:
    """What becomes of rows that cannot be read, and how many there were."""

    way: str = ERRORS[0]
    """One of ERRORS: `stop` at the first, `skip` them, or `replace` what is not text in them by U+FFFD and skip others."""
    count: int = 0
    first: str = ""
    """What was wrong with the first."""

    def met(self, error: UsageError) -> None:
        """Count a row. Raises the error if it is to stop there."""
        if self.way == "stop":
            raise error
        self.count += 1
        self.first = self.first or str(error)

    def skips(self, text: str) -> bool:
        """Whether a text is to be skipped because it holds what is not text."""
        return self.way == "skip" and bool(_UNREADABLE.search(text))


def read_lines(path: Path, encoding: str = UTF8, faults: Faults | None = None) -> Iterator[str]:
    r"""Lines of a text file, a .gz, or `-` for stdin, each with its end: \n, \r\n or \r. A byte order mark is dropped.

    Args:
      faults: what becomes of lines that are not text. Those to be skipped are passed on as they are, since a row may have
        several lines: `Faults.skips` finds them.

    Raises MissingError or UsageError naming the file and line.
    """
    faults = faults or Faults()
    number = 0
    try:
        with _open(path, encoding) as file:
            for number, line in enumerate(file, 1):
                if faults.way != "skip" and (wrong := _fault(path, number, line, encoding)):
                    faults.met(wrong)
                    line = _UNREADABLE.sub(_REPLACED, line)
                yield line if number > 1 else line.removeprefix(BYTE_ORDER_MARK)
    except UnicodeError as error:  # of encodings with units of several bytes
        raise _not_text(path, encoding, f"see line {number + 1} and after") from error
    except (OSError, EOFError, zlib.error) as error:
        raise MissingError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, without their ends. What follows the last end is a line only if something does."""
    return [line.rstrip("\n") for line in io.StringIO(text, newline=None)]


@contextlib.contextmanager
def _open(path: Path, encoding: str) -> Iterator[IO[str]]:
    with _open_bytes(path) as binary:
        text = io.TextIOWrapper(binary, encoding, "surrogateescape", newline="")
        try:
            yield text
        finally:
            text.detach()  # or stdin would be closed


def _open_bytes(path: Path) -> contextlib.AbstractContextManager[IO[bytes]]:
    if str(path) != "-":
        return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else open(path, "rb")
    if sys.stdin is None:
        raise MissingError("cannot read -: stdin is closed")
    with contextlib.suppress(OSError):  # a descriptor of its own: who ends meanwhile does not wait for sys.stdin
        return os.fdopen(os.dup(sys.stdin.buffer.fileno()), "rb")
    return contextlib.nullcontext(sys.stdin.buffer)


def _fault(path: Path, number: int, line: str, encoding: str) -> UsageError | None:
    """What is wrong with a line, if it holds anything that is not text."""
    if "\0" in line:
        return UsageError(f"{path} is not text: line {number} holds a NUL byte, as UTF-16 does: {_HINT}")
    if line.isascii() or not (bad := _UNREADABLE.search(line)):
        return None
    before = len(line[: bad.start()].encode(encoding, "surrogateescape"))
    return _not_text(path, encoding, f"line {number}, byte {before + 1}")


def _not_text(path: Path, encoding: str, place: str) -> UsageError:
    return UsageError(f"{path} is not {encoding.upper()} text: {place}: {_HINT}")


def words_of(path: Path) -> list[str]:
    """The words of a file, with white space between."""
    try:
        return path.read_text("utf-8-sig").split()
    except OSError as error:
        raise MissingError(f"cannot read the words of {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: see byte {error.start + 1}") from error
