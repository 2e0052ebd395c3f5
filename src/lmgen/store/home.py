"""Folders and files under LMGEN_HOME."""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from lmgen.errors import DownloadError

if TYPE_CHECKING:
    from filelock import BaseFileLock


SETTLED = 50_000_000
"""Nanoseconds: a file that changed a shorter time ago could change again and keep its time."""


def home() -> Path:
    """Where downloaded models are kept: LMGEN_HOME, or the user's cache folder."""
    return Path(os.environ.get("LMGEN_HOME") or platformdirs.user_cache_path("lmgen"))


def state_folder() -> Path:
    """What lmgen remembers of its use: LMGEN_HOME/state, or the user's state folder."""
    home = os.environ.get("LMGEN_HOME")
    return Path(home) / "state" if home else platformdirs.user_state_path("lmgen")


def board_folder() -> Path:
    """Where runs for TensorBoard go if no folder is named."""
    return state_folder() / "board"


def own_folder(name: str) -> Path:
    """Where a model of this name is kept, or would be."""
    return home() / "models" / name


def partial_folder(name: str) -> Path:
    """Where the files of a model grow while they are downloaded."""
    return home() / "partial" / name


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Turn what the disk refuses into one error."""
    try:
        yield
    except OSError as error:
        place = error.filename or home()
        raise DownloadError(
            f"cannot write {place}: {error.strerror or error} (LMGEN_HOME is the place to use)"
        ) from error


def lock(name: str) -> "BaseFileLock":
    """The lock of who changes a model; a process that ends, however it does, gives it back."""
    import filelock  # who only reads models starts sooner without it

    path = home() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(path)


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Held by one process of any user who changes a folder; where a disk has no such locks, by all."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def is_free(lock: "BaseFileLock") -> bool:
    """Whether no other process has it."""
    import filelock

    try:
        with lock.acquire(timeout=0):
            return True
    except filelock.Timeout:
        return False


def put(source: Path, target: Path) -> None:
    """Move a file to its place, its bytes on the disk before its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, "rb") as file:
        os.fsync(file.fileno())
    source.replace(target)


def link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk cannot."""
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def check_room(needed: int, place: Path | None = None) -> None:
    """Raise DownloadError if the disk of a place, or of `home()`, has fewer bytes free."""
    wanted = place = place or home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise DownloadError(
            f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB free on the disk of {wanted}: "
            "make room, or choose another place with LMGEN_HOME"
        )


# What was read whole once, and found right, need not be read again at every start ------------


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
    if not fresh and _noted(note) == stamp:
        return True
    if not check():
        return False
    if time.time_ns() - state.st_mtime_ns > SETTLED:
        _note_down(note, stamp)
    return True


def checked_folder() -> Path:
    """Where it is noted what was checked: a note for each file."""
    return home() / "checked"


def _noted(note: Path) -> str:
    try:
        return os.fsdecode(note.read_bytes())
    except OSError:
        return ""


def _note_down(note: Path, stamp: str) -> None:
    """A cache that cannot be written to costs the check at every start, no more."""
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        draft = note.with_suffix(f".{os.getpid()}")
        draft.write_bytes(os.fsencode(stamp))
        draft.replace(note)
