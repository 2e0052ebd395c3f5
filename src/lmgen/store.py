"""Where models are, and what files each has."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from lmgen.errors import IntegrityError, MissingError
from lmgen.manifest import SHARDS, Manifest

DEFAULT_MODEL = "mini"
CHECKPOINT_FILES = (
    "ckpt-base",
    "ckpt-char-embedding",
    "ckpt-lstm",
    *(f"ckpt-softmax{shard}" for shard in range(SHARDS + 1)),
)


@dataclass(frozen=True)
class ModelFiles:
    """A folder in the released layout."""

    folder: Path
    graph: Path
    vocabulary: Path

    @property
    def manifest(self) -> Manifest | None:
        """What `model.toml` says, if there is one."""
        path = self.folder / "model.toml"
        return Manifest.load(path) if path.exists() else None


def open_folder(folder: Path) -> ModelFiles:
    """The files of a model folder, all there. Raises MissingError that names what is not."""
    if not folder.is_dir():
        raise MissingError(f"there is no folder {folder}")
    missing = [name for name in CHECKPOINT_FILES if not (folder / name).is_file()]
    if missing:
        raise MissingError(f"{folder} is not a whole model: it lacks {', '.join(missing)}")
    return ModelFiles(folder, _only(folder, "graph-*.pbtxt"), _only(folder, "vocab-*.txt"))


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise MissingError(f"{folder} is not a whole model: it has no {pattern}")
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise IntegrityError(f"{folder} has {names}: keep the one that belongs to the checkpoint")
    return found[0]


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


def model_folders() -> dict[str, Path]:
    """Every model that is here, by name: the embedded ones, then those under `home()`."""
    package = Path(__file__).resolve().parent
    roots = (package / "models", package.parents[1] / "models", home() / "models")
    folders: dict[str, Path] = {}
    for root in filter(Path.is_dir, roots):
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            folders.setdefault(folder.name, folder)
    return folders


def find(model: str) -> ModelFiles:
    """The files of a model by its name, or of a folder by its path."""
    folders = model_folders()
    if model in folders:
        return open_folder(folders[model])
    if Path(model).is_dir():
        return open_folder(Path(model))
    known = ", ".join(folders) or "none"
    raise MissingError(f"there is no model or folder {model!r} (models here: {known}; see `lmgen models list`)")
