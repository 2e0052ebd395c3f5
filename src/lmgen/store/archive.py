"""A model in one tar file, for machines without a network; and models taken in from tar files and folders."""

import contextlib
import fnmatch
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from lmgen.checkpoint import CHECKPOINT_FILES, MANIFEST, PATTERNS, ModelFiles, open_folder
from lmgen.errors import IntegrityError, UsageError
from lmgen.store.home import check_room, link, lock, own_folder, partial_folder, writing
from lmgen.store.library import check_intact, check_name, released
from lmgen.text import whole_file

WORKSHOP = ".import"
"""Where a model is put together; no model can have this name."""
BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


def write_archive(files: ModelFiles, out: IO[bytes]) -> None:
    """Write a model's files as a tar archive, in a folder of the model's name. Its weights do not compress."""
    with tarfile.open(fileobj=out, mode="w|", dereference=True) as archive:
        for name in files.names:
            archive.add(files.folder / name, f"{files.folder.resolve().name}/{name}", filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


def export(files: ModelFiles, target: Path) -> None:
    """Write the archive to a file, which appears whole or not at all."""
    with whole_file(target) as partial, open(partial, "wb") as out:
        write_archive(files, out)


def import_archive(stream: IO[bytes], name: str = "") -> Path:
    """Take in a model from a tar archive, be it compressed or not; returns its folder.

    Raises IntegrityError for an archive that is cut short, has anything but a model's files in it, or
    files that are not those of its manifest.
    """
    with _workshop() as workshop:
        _unpack(stream, workshop)
        return _take_in(workshop, name)


def import_folder(folder: Path, name: str = "") -> Path:
    """Take in a model from a folder in the released layout; returns its new folder. Files are linked or copied."""
    files = open_folder(folder)
    with _workshop() as workshop:
        for file in files.names:
            link(folder / file, workshop / file)
        return _take_in(workshop, name or ("" if files.manifest else folder.resolve().name))


@contextlib.contextmanager
def _workshop() -> Iterator[Path]:
    """An empty folder in the store; what a run that was killed left in it is cleared away."""
    with writing(), lock(WORKSHOP):
        folder = partial_folder(WORKSHOP)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _unpack(stream: IO[bytes], folder: Path) -> None:
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for member in archive:
                if not member.isdir():
                    _unpack_member(archive, member, folder)
    except BROKEN as error:
        raise IntegrityError(
            f"this is not a tar archive, or it is cut short ({error}): make it again with `lmgen models export`"
        ) from error


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if not member.isfile() or path.is_absolute() or ".." in path.parts or len(path.parts) > 2:
        raise IntegrityError(
            f"the archive has {member.name!r}, which is not a plain file in one folder: make the archive with `lmgen models export`"
        )
    if not _belongs(path.name) or (folder / path.name).exists():
        raise IntegrityError(
            f"the archive has {member.name!r}, which is not a file of a model, or is there twice: make the archive with `lmgen models export`"
        )
    check_room(member.size)
    with open(folder / path.name, "xb") as out:
        shutil.copyfileobj(cast("IO[bytes]", archive.extractfile(member)), out, 1 << 20)


def _belongs(name: str) -> bool:
    patterns = (MANIFEST, *CHECKPOINT_FILES, *PATTERNS.values())
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _take_in(workshop: Path, name: str) -> Path:
    """Check a folder and move it to its place in the store."""
    files = open_folder(workshop)
    manifest = files.manifest
    name = name or (manifest.name if manifest else "")
    if not name:
        raise UsageError("the archive has no model.toml with its name: give it one with --name")
    check_name(name)
    if name in released():
        manifest = released()[name]
        (workshop / MANIFEST).unlink(missing_ok=True)  # it may be a link to the user's own file
        manifest.save(workshop / MANIFEST)
    if manifest and manifest.files:
        check_intact(workshop, manifest)
    with lock(name):
        if own_folder(name).exists():
            raise UsageError(f"{name} is here already: `lmgen models rm {name}` first, or take another --name")
        own_folder(name).parent.mkdir(parents=True, exist_ok=True)
        workshop.replace(own_folder(name))
    return own_folder(name)
