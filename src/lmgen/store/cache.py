"""What lies in the cache beside models: it is made or downloaded again when it is needed."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lmgen.checkpoint import safe_name
from lmgen.errors import MissingError
from lmgen.store.home import checked_folder, home, lock, writing

KINDS = {
    "partial": "begun download",
    "converted": "converted",
    "packed": "packed weights",
    "vectors": "word vectors",
    "received": "received",
}
"""What is in each folder of `home()`."""
MODEL = "made-of"
"""A file that names the model a folder was made of."""


@dataclass(frozen=True)
class Kept:
    """A folder in the cache."""

    model: str
    """The name of the model it belongs to, `?` if nothing says it; empty for notes on files of all models."""
    kind: str
    """`begun download`, `converted`, `packed weights`, `word vectors`, `received` (by a worker of a cluster) or `checks`."""
    folder: Path

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        total = 0
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):  # it may go meanwhile
                total += path.lstat().st_blocks * 512
        return total


def kept() -> Iterator[Kept]:
    """All that is in the cache."""
    for place, kind in KINDS.items():
        root = home() / place
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if folder.is_dir():
                yield Kept(folder.name if place == "partial" else model_of(folder), kind, folder)
    if checked_folder().is_dir():
        yield Kept("", "checks", checked_folder())


def clear(model: str = "") -> list[Kept]:
    """Remove what is in the cache of a model, or all of it, and return that. Raises MissingError if there is nothing."""
    found = [entry for entry in kept() if not model or entry.model == model]
    if model and not found:
        raise MissingError(f"nothing in the cache belongs to {model}: see `lmgen cache list`")
    for entry in found:
        held = lock(entry.model) if safe_name(entry.model) else contextlib.nullcontext()
        with writing(), held:  # whoever downloads the model is waited for
            shutil.rmtree(entry.folder, ignore_errors=True)
    return found


def sign(folder: Path, model: str) -> None:
    """Note in a folder which model it was made of."""
    (folder / MODEL).write_text(model, "utf-8")


def model_of(folder: Path) -> str:
    """What `sign` noted, or `?`."""
    try:
        return (folder / MODEL).read_text("utf-8") or "?"
    except (OSError, ValueError):
        return "?"
