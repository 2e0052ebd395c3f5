"""What was read whole once, and found right, need not be read again at every start."""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from lmgen.store.home import home

SETTLED = 50_000_000
"""Nanoseconds: a file that changed a shorter time ago could change again and keep its time."""


def checked_once(path: Path, proof: str, check: Callable[[], bool], fresh: bool = False) -> bool:
    """Whether a check of a file holds. A file that passed it is taken for right until its size, time or place changes.

    Args:
      proof: what it is compared with.
      fresh: check it now, whatever was found before.

    Raises OSError if the file cannot be read.
    """
    state = path.stat()
    stamp = f"{path.resolve()}\n{state.st_size} {state.st_mtime_ns} {state.st_ino} {state.st_dev} {proof}"
    note = checked_folder() / hashlib.sha256(f"{path.resolve()}".encode(errors="surrogateescape")).hexdigest()[:24]
    if not fresh and _read(note) == stamp:
        return True
    if not check():
        return False
    if time.time_ns() - state.st_mtime_ns > SETTLED:
        _write(note, stamp)
    return True


def checked_folder() -> Path:
    """Where it is noted what was checked: a note for each file."""
    return home() / "checked"


def _read(note: Path) -> str:
    try:
        return os.fsdecode(note.read_bytes())
    except OSError:
        return ""


def _write(note: Path, stamp: str) -> None:
    """A cache that cannot be written to costs the check at every start, no more."""
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        draft = note.with_suffix(f".{os.getpid()}")
        draft.write_bytes(os.fsencode(stamp))
        draft.replace(note)
