"""A model folder in the released layout, and which files it must have."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lmgen.checkpoint.manifest import Defaults, Manifest
from lmgen.checkpoint.shape import SHARDS
from lmgen.errors import IntegrityError, MissingError

MANIFEST = "model.toml"
CHECKPOINT_FILES = (
    "ckpt-base",
    "ckpt-char-embedding",
    "ckpt-lstm",
    *(f"ckpt-softmax{shard}" for shard in range(SHARDS + 1)),
)
PATTERNS = {"graph": "graph-*.pbtxt", "vocabulary": "vocab-*.txt"}
TABLE_END = bytes.fromhex("57fb808b247547db")
"""The last bytes of every checkpoint file of the first format (leveldb's table format)."""


@dataclass(frozen=True)
class ModelFiles:
    """A folder in the released layout."""

    folder: Path
    graph: Path
    vocabulary: Path

    @cached_property
    def manifest(self) -> Manifest | None:
        """What `model.toml` said when it was first asked, if there is one."""
        path = self.folder / MANIFEST
        return Manifest.load(path) if path.exists() else None

    @property
    def context(self) -> str:
        """How far the LSTM state is carried, `sentence` or `stream`: see `Manifest.carried`."""
        return self.manifest.carried if self.manifest else "stream"

    @property
    def carries(self) -> bool:
        """Whether it is carried from one sentence to the next."""
        return self.context == "stream"

    @property
    def defaults(self) -> Defaults:
        """How words are chosen where the user says nothing."""
        return self.manifest.generation if self.manifest else Defaults()

    @property
    def names(self) -> list[str]:
        """The files' names, that of the manifest last, if there is one."""
        names = [self.graph.name, self.vocabulary.name, *CHECKPOINT_FILES]
        return [*names, MANIFEST] if (self.folder / MANIFEST).exists() else names


def open_folder(folder: Path) -> ModelFiles:
    """The files of a model folder, all there and none too many; only the ends of the checkpoint files are read.

    Raises MissingError or IntegrityError that names what is missing, extra or cut short.
    """
    if not folder.is_dir():
        raise MissingError(f"there is no folder {folder}")
    missing = [name for name in CHECKPOINT_FILES if not (folder / name).is_file()]
    if missing:
        raise MissingError(f"{folder} is not a whole model: it lacks {', '.join(missing)}")
    files = ModelFiles(folder, *(_only(folder, pattern) for pattern in PATTERNS.values()))
    extra = sorted({path.name for path in folder.glob("ckpt-*")} - set(CHECKPOINT_FILES))
    if extra:
        raise IntegrityError(f"{folder} has {', '.join(extra)} beside the twelve checkpoint files: move it elsewhere")
    short = [name for name in CHECKPOINT_FILES if not _ends_well(folder / name)]
    if short:
        raise IntegrityError(
            f"{', '.join(short)} in {folder} is cut short, or not a checkpoint file: replace it with a good copy"
        )
    return files


def check_vocabulary(files: ModelFiles, words: int, rows: int) -> None:
    """Raise IntegrityError if a vocabulary has other words than the manifest says, or more than the softmax has rows."""
    if files.manifest and files.manifest.words != words:
        raise IntegrityError(
            f"{files.vocabulary} has {words} words, and {files.manifest.words} by {MANIFEST}: replace it with a good copy"
        )
    if rows < words:
        raise IntegrityError(
            f"{files.vocabulary} has {words} words, the softmax of {files.graph.name} only {rows} rows: "
            "they do not belong together"
        )


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise MissingError(f"{folder} is not a whole model: it has no {pattern}")
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise IntegrityError(f"{folder} has {names}: keep the one that belongs to the checkpoint")
    return found[0]


def _ends_well(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(TABLE_END)))
            return file.read() == TABLE_END
    except OSError as error:
        raise MissingError(f"cannot read {path}: {error.strerror}") from error
