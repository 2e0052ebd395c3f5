"""Where models are, and what files each has.

HOME/models/NAME/           a model, all its files verified before they came here
HOME/partial/NAME/          what is being downloaded; no `ckpt-*` pattern over a model can see it
HOME/locks/NAME.lock        held by the process that changes the model
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from lmgen.checkpoint import MANIFEST, Manifest, ModelFiles, intact, open_folder, safe_name
from lmgen.errors import IntegrityError, MissingError, UsageError
from lmgen.store.cache import clear
from lmgen.store.home import home, lock, own_folder, partial_folder, writing
from lmgen.text import meant

DEFAULT_MODEL = "mini"


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
        raise MissingError(f"{model} is not here yet: run `lmgen download {model}`")
    known = ", ".join(folders) or "none"
    hint = meant(model, {**folders, **released()}) or f"models here: {known}; see `lmgen models list`"
    raise MissingError(f"there is no model or folder {model!r}: {hint}")


def manifest_of(folder: Path, known: str = "") -> Manifest:
    """What a folder's files should be: by its `model.toml`, or those of the released model `known`."""
    if known:
        if known not in released():
            raise MissingError(f"{known} is not a released model: choose from {', '.join(released())}")
        return released()[known]
    if not (folder / MANIFEST).exists():
        raise MissingError(f"{folder} has no {MANIFEST} to compare with: name a released model with --as")
    return Manifest.load(folder / MANIFEST)


# Changes --------------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Raise UsageError if no model of one's own can have this name."""
    if not safe_name(name):
        raise UsageError(f"{name!r} cannot be a model's name: use letters, digits and . _ + -")
    if any((root / name).is_dir() for root in _package_roots()):
        raise UsageError(f"{name} is the name of an embedded model: choose another (--name)")


def remove(name: str) -> None:
    """Remove a model of one's own, what was begun of it and what the cache has of it. Raises UsageError for any other."""
    folder, partial = own_folder(name), partial_folder(name)
    if not safe_name(name) or not (folder.is_dir() or partial.is_dir()):
        find_folder(name)
        raise UsageError(f"{name} is not a model under {home() / 'models'}: remove it by hand if it is yours")
    with writing(), lock(name):
        shutil.rmtree(partial, ignore_errors=True)
        if folder.is_symlink():
            folder.unlink()
        elif folder.is_dir():
            partial.mkdir(parents=True)
            folder.replace(partial / "removed")  # gone at once: no half a model can stay
            shutil.rmtree(partial)
    with contextlib.suppress(MissingError):
        clear(name)


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
        raise IntegrityError(f"{', '.join(bad)} in {folder}: replace it with a good copy")
