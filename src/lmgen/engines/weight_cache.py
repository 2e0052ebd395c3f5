"""Weights as this CPU's kernels want them, made once and mapped into memory by every process.

XNNPACK, which computes for LiteRT, packs every matrix before it can use it. It can keep what it packed in
a file, but believes whatever it finds in one. So these files are made under another name, and used only
where a digest beside them says that they are what was made, of these files, on such a CPU. The weights are
read for that once; the header and the list of what is where, which could lead astray, at every start.
"""

import contextlib
import hashlib
import os
import shutil
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import ai_edge_litert

from lmgen.checkpoint import ModelFiles, sha256
from lmgen.engines.litert_files import PRECISIONS, Converted, cached, find_converted
from lmgen.store import checked_once, home, lock, model_of, sign

DIGEST = "digest"
HEADER = struct.Struct("<QQQ")
"""Of XNNPACK's file: its version, where the list of buffers begins, and how long that is."""


def find_packed(converted: Converted, pack: Callable[[Path, Path], None]) -> dict[Path, Path]:
    """For each of the converted files the file of its packed weights, made now if need be.

    Nothing where the cache has no room or cannot be written to.

    Args:
      pack: makes the second file, from the first.
    """
    folder = _folder(converted)
    if not _intact(folder, converted):
        with contextlib.suppress(OSError), lock(f"packed-{folder.name}"):
            if not _intact(folder, converted):  # else another process has made it meanwhile
                _make(folder, converted, pack)
    return _files(folder, converted) if _intact(folder, converted) else {}


def forget(files: ModelFiles) -> None:
    """Remove from the cache all that was made of a model."""
    for precision in PRECISIONS:
        if converted := find_converted(files, precision):
            shutil.rmtree(_folder(converted), ignore_errors=True)
        shutil.rmtree(cached(files, precision), ignore_errors=True)


def _make(folder: Path, converted: Converted, pack: Callable[[Path, Path], None]) -> None:
    partial = folder.with_name(f".partial-{folder.name}")
    for old in (folder, partial):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    if shutil.disk_usage(partial).free < 2 * converted.size:
        return
    for source, target in _files(partial, converted).items():
        pack(source, target)
    made_of = converted.vectors.parent
    sign(partial, model_of(made_of) if made_of.is_relative_to(home()) else made_of.resolve().parent.name)
    (partial / DIGEST).write_text(_digest(partial, converted))
    partial.replace(folder)


def _files(folder: Path, converted: Converted) -> dict[Path, Path]:
    return {path: folder / f"{path.stem}.packed" for path in converted.paths}


def _intact(folder: Path, converted: Converted) -> bool:
    try:
        facts, *sums = (folder / DIGEST).read_text().split()
        paths = list(_files(folder, converted).values())
        expected = [_source(converted), *map(_outline, paths)]
        return [facts, *sums[::2]] == expected and all(map(_is, paths, sums[1::2]))
    except (OSError, ValueError, struct.error):
        return False


def _is(path: Path, checksum: str) -> bool:
    return checked_once(path, checksum, lambda: sha256(path) == checksum)


def _digest(folder: Path, converted: Converted) -> str:
    """Of what the files were made of, and of each file's outline and all of it."""
    sums = (f"{_outline(path)} {sha256(path)}" for path in _files(folder, converted).values())
    return "\n".join([_source(converted), *sums])


def _outline(path: Path) -> str:
    """Digest of a file's header, size and list of buffers. Raises ValueError or struct.error if it cannot have them."""
    with path.open("rb") as file:
        header = file.read(HEADER.size)
        _, begin, length = HEADER.unpack(header)
        if begin + length > path.stat().st_size:
            raise ValueError(f"{path} is cut short")
        file.seek(begin)
        return hashlib.sha256(header + file.read(length)).hexdigest()


def _source(converted: Converted) -> str:
    return hashlib.sha256(converted.facts).hexdigest()


def _folder(converted: Converted) -> Path:
    """Named from a folder of converted files, LiteRT's version and the kind of CPU."""
    parts = (str(converted.vectors.parent.resolve()), ai_edge_litert.__version__, _cpu())
    return home() / "packed" / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _cpu() -> str:
    """What the CPU can do: how weights are packed depends on it."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return line
    return os.uname().machine
