"""The one way to write a file or a folder of files: beside its place, and to its name when it is whole."""

import contextlib
import errno
import gzip
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from lmgen.errors import LmgenError, MissingError, UsageError
from lmgen.text.parquet import SUFFIX as PARQUET, jsonl_as_parquet, need_pyarrow


def check_output(path: str, folder: bool = False) -> str:
    """The path as given, `-` for stdout. Raises LmgenError if no file can be written there.

    Args:
      folder: it may be that of a folder, which ends in a slash.
    """
    target = Path(path)
    if folder and path.endswith("/"):
        return path
    if not path:
        raise UsageError("the file name of -o is empty: give a name, or - for stdout")
    if path != "-" and (target.is_dir() or path.endswith("/")):
        raise UsageError(f"{path} is a folder: give -o the name of a file in it")
    if path != "-" and not _resolved(target).parent.is_dir():
        raise MissingError(f"cannot write {path}: there is no folder {_resolved(target).parent}")
    if path.lower().endswith(PARQUET):
        need_pyarrow()
    return path


@contextlib.contextmanager
def open_output(path: str) -> Iterator[IO[str]]:
    """A file to write, compressed if its name ends in .gz, or `-` for stdout; see `whole_file`."""
    if path == "-":
        yield sys.stdout
        return
    if path.lower().endswith(PARQUET):
        raise UsageError(f"{path}: this is not written as Parquet: name it .csv, .tsv or .jsonl")
    opened = gzip.open if path.endswith(".gz") else open
    with (
        whole_file(Path(check_output(path)), keep=True) as partial,
        opened(partial, "wt", encoding="utf-8", errors="replace") as file,
    ):
        yield cast("IO[str]", file)


@contextlib.contextmanager
def open_rows(path: str) -> Iterator[IO[str]]:
    """Likewise a file of rows: where its name ends in .parquet, JSON lines are to be written, which become that."""
    if not path.lower().endswith(PARQUET):
        with open_output(path) as out:
            yield out
        return
    with whole_file(Path(check_output(path)), keep=True) as partial, jsonl_as_parquet(partial, path) as lines:
        yield lines


@contextlib.contextmanager
def whole_file(target: Path, keep: bool = False) -> Iterator[Path]:
    """Where to write a file, which appears at its place when it is whole.

    A link's target is replaced, not the link; mode and owner of a file that was there stay. What is no regular file
    (a pipe, a device) is written itself.

    Args:
      keep: a part of the file is of use (rows, texts). What was made before an interruption (Ctrl-C, SIGTERM, SIGHUP)
        gets the file's name, or NAME.partial if there is a file of that name; what was made before any other failure
        is NAME.partial, and the error says so. Without it a failure leaves nothing, and an older file as it was.

    Raises MissingError if it cannot be written.
    """
    if target.exists() and not target.is_file():
        with _telling(target):
            yield target
        return
    place = _resolved(target)
    partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}")  # a process's number may be another's elsewhere
    with _telling(target):
        partial.touch(exist_ok=False)
        _take_rights(place, partial)
    try:
        with _telling(target):
            yield partial
            _put(partial, place)
    except LmgenError as error:
        if not keep or not partial.stat().st_size:
            raise
        rest = _rest(place)
        partial.replace(rest)
        raise type(error)(f"{error} (what was made before is in {rest})") from error
    except (KeyboardInterrupt, SystemExit):
        if keep and partial.exists() and partial.stat().st_size:
            _put(partial, _rest(place) if place.exists() else place)
        raise
    finally:
        partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, unless they are there. Raises MissingError if that cannot be."""
    with _telling(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to write files in, which appears at its place when all is written; a failure leaves nothing.

    Raises UsageError if there is a file or a folder with something in it at its place, MissingError if it cannot be written.
    """
    place = _resolved(target)
    if place.is_file() or place.is_dir() and any(place.iterdir()):
        raise UsageError(f"{target} is there already: remove it, or give -o another name")
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    with _telling(target):
        draft.mkdir()
        try:
            yield draft
            for path in filter(Path.is_file, draft.rglob("*")):
                _sync(path)
            draft.replace(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def _telling(target: Path) -> Iterator[None]:
    """Turn what the disk refuses into one line; a reader that went away is another matter."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MissingError(f"cannot write {target}: {error.strerror or error}") from error


def _resolved(target: Path) -> Path:
    try:
        return target.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise MissingError(f"cannot write {target}: {os.strerror(errno.ELOOP)}") from error


def _take_rights(place: Path, partial: Path) -> None:
    """Give a new file the mode and, where that is allowed, the owner of the one it will replace."""
    if place.exists():
        old = place.stat()
        with contextlib.suppress(PermissionError):
            os.chown(partial, old.st_uid, old.st_gid)
        partial.chmod(old.st_mode & 0o7777)


def _put(partial: Path, place: Path) -> None:
    """Its bytes are on the disk before it has its name."""
    _sync(partial)
    partial.replace(place)


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _rest(place: Path) -> Path:
    """Where what was made of a file is kept."""
    return place.with_name(f"{place.name}.partial")
