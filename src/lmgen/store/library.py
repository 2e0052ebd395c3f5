"""Where models are, and what files each has.

HOME/models/NAME/           a model, all its files verified before they came here
HOME/partial/NAME/          what is being brought; no `ckpt-*` pattern over a model can see it
HOME/locks/NAME.lock        held by the process that changes the model
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from lmgen.checkpoint.manifest import SHARDS, Manifest, intact, safe_name
from lmgen.errors import DownloadError, IntegrityError, MissingError, UsageError

if TYPE_CHECKING:
    from filelock import BaseFileLock

DEFAULT_MODEL = "mini"
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

    @property
    def manifest(self) -> Manifest | None:
        """What `model.toml` says, if there is one."""
        path = self.folder / MANIFEST
        return Manifest.load(path) if path.exists() else None

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
        raise IntegrityError(f"{', '.join(short)} in {folder} is cut short, or no checkpoint file: bring it anew")
    return files


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
    """Where the files of a model grow while they are brought."""
    return home() / "partial" / name


def _package_roots() -> tuple[Path, Path]:
    """Where the package keeps models and manifests: installed, and in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "models", package.parents[1] / "models"


def model_folders() -> dict[str, Path]:
    """Every model that is here, by name: the embedded ones, then those under `home()`."""
    folders: dict[str, Path] = {}
    for root in filter(Path.is_dir, (*_package_roots(), home() / "models")):
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            folders.setdefault(folder.name, folder)
    return folders


def released() -> dict[str, Manifest]:
    """The models that can be downloaded, by name."""
    paths = (path for root in _package_roots() if root.is_dir() for path in sorted(root.glob("*.toml")))
    return {path.stem: Manifest.load(path) for path in paths}


def find(model: str) -> ModelFiles:
    """The files of a model by its name, or of a folder by its path."""
    folder = find_folder(model)
    try:
        return open_folder(folder)
    except (MissingError, IntegrityError) as error:
        if folder != own_folder(model) or model not in released():
            raise
        raise type(error)(f"{error} (`lmgen download {model}` does)") from error


def find_folder(model: str) -> Path:
    """The folder of a model, whole or not. Raises MissingError that says how to get it, or what there is."""
    folders = model_folders()
    if model in folders:
        return folders[model]
    if Path(model).is_dir():
        return Path(model)
    if model in released():
        raise MissingError(f"{model} is not here yet: `lmgen download {model}` brings it")
    known = ", ".join(folders) or "none"
    raise MissingError(f"there is no model or folder {model!r} (models here: {known}; see `lmgen models list`)")


def manifest_of(folder: Path, known: str = "") -> Manifest:
    """What a folder's files should be: by its `model.toml`, or those of the released model `known`."""
    if known:
        if known not in released():
            raise MissingError(f"{known} is no released model: there is {', '.join(released())}")
        return released()[known]
    if not (folder / MANIFEST).exists():
        raise MissingError(f"{folder} has no {MANIFEST} to compare with: name a released model with --as")
    return Manifest.load(folder / MANIFEST)


# Changes --------------------------------------------------------------------------------------


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


def is_free(lock: "BaseFileLock") -> bool:
    """Whether no other process has it."""
    import filelock

    try:
        with lock.acquire(timeout=0):
            return True
    except filelock.Timeout:
        return False


def check_name(name: str) -> None:
    """Raise UsageError if no model of one's own can have this name."""
    if not safe_name(name):
        raise UsageError(f"{name!r} cannot be a model's name: use letters, digits and . _ + -")
    if any((root / name).is_dir() for root in _package_roots()):
        raise UsageError(f"{name} is the name of an embedded model: choose another (--name)")


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


def remove(name: str) -> None:
    """Remove a model of one's own, and what was begun of it. Raises UsageError for any other."""
    folder, partial = own_folder(name), partial_folder(name)
    if not safe_name(name) or not (folder.is_dir() or partial.is_dir()):
        find_folder(name)
        raise UsageError(f"{name} is no model under {home() / 'models'}: remove it by hand if it is yours")
    with writing(), lock(name):
        shutil.rmtree(partial, ignore_errors=True)
        if folder.is_symlink():
            folder.unlink()
        elif folder.is_dir():
            partial.mkdir(parents=True)
            folder.replace(partial / "removed")  # gone at once: no half a model can stay
            shutil.rmtree(partial)


def verify(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Each file of a manifest and `ok`, `missing` or `damaged`, read from the disk one by one."""
    for name, file in manifest.files.items():
        path = folder / name
        state = "ok" if path.is_file() and intact(path, file) else "damaged"
        yield name, state if path.is_file() else "missing"


def check_intact(folder: Path, manifest: Manifest) -> None:
    """Raise IntegrityError that names the files which are not those of the manifest."""
    bad = [f"{name} is {state}" for name, state in verify(folder, manifest) if state != "ok"]
    if bad:
        raise IntegrityError(f"{', '.join(bad)} in {folder}: bring it anew")
