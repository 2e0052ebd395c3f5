"""Where the LiteRT files of a model are, and whether they still belong to it.

They lie in a folder for each precision, beside the checkpoint (such as `litert-fast`) or in the cache. `converted.toml` in it
names the checkpoint they were made of, and the size and checksum of each.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from lmgen.checkpoint import CHECKPOINT_FILES, File, ModelFiles, intact, safe_name, sha256
from lmgen.errors import IntegrityError, MissingError, UsageError
from lmgen.store import checked_once, home, put

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRECISIONS = ("fast", "exact", "float32")
"""`fast`: LSTMs and softmax in int8, each row of a matrix with a scale of its own; characters to vectors in float32.
What the matrices are multiplied with is not rounded, but for the softmax of rare words.
`exact`: only the softmax, which shows where float32 has to be computed."""
VERSION = 5
"""Of the files' contents: those of another version are made again."""
VECTORS, MEMORY, SOFTMAX = "vectors.tflite", "memory.tflite", "softmax-{}.tflite"
ROUNDED, NORMS = "rounded.tflite", "norms.npy"
"""Of `exact`: what an int8 softmax sees of h, and how far its rows are from the real ones."""
FACTS = "converted.toml"
SAMPLES, SAMPLE_BYTES = 16, 4096


@dataclass(frozen=True)
class Converted:
    """A folder of LiteRT files that belongs to its model."""

    precision: str
    """One of PRECISIONS."""
    vectors: Path
    memory: Path
    softmax: tuple[Path, ...]
    """The parts of the softmax, in the order of their rows."""
    facts: bytes
    """What they were made of, as `converted.toml` says it."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All LiteRT files."""
        return self.vectors, self.memory, *self.softmax

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(path.stat().st_size for path in self.paths)


def beside(files: ModelFiles, precision: str) -> Path:
    """The folder beside the checkpoint."""
    return files.folder / f"litert-{precision}"


def cached(files: ModelFiles, precision: str) -> Path:
    """The folder in the cache, for a model whose own folder cannot be written to."""
    return home() / "converted" / f"{fingerprint(files)[:16]}-{precision}"


def size_of(files: ModelFiles, precision: str) -> int:
    """Bytes that the files of a precision take, about."""
    sizes = {name: (files.folder / name).stat().st_size for name in CHECKPOINT_FILES}
    matrices = sum(sizes.values()) - sizes["ckpt-char-embedding"]
    whole = {"fast": 0, "exact": sizes["ckpt-lstm"], "float32": matrices}[precision]
    return sizes["ckpt-char-embedding"] + whole + (matrices - whole) // 4


def find_converted(files: ModelFiles, precision: str, fresh: bool = False) -> Converted | None:
    """The files of a model in a precision; None if there are none, or they belong to another checkpoint.

    Args:
      fresh: read them whole, even if they were found right before.

    Raises IntegrityError if they are cut short or damaged.
    """
    for folder in (beside(files, precision), cached(files, precision)):
        if (folder / FACTS).is_file() and (made := _made(folder, fingerprint(files))) is not None:
            return _checked(folder, precision, made, fresh)
    return None


def verify_converted(files: ModelFiles) -> Iterator[tuple[str, str]]:
    """Each converted file that belongs to a model, with the name of its folder, and `ok`, `missing` or `damaged`.

    All of it is read.
    """
    for precision in PRECISIONS:
        for folder in (beside(files, precision), cached(files, precision)):
            if not (folder / FACTS).is_file():
                continue
            try:
                made = _made(folder, fingerprint(files)) or {}
            except IntegrityError:
                yield f"{folder.name}/{FACTS}", "damaged"
                continue
            for name, file in made.items():
                yield f"{folder.name}/{name}", _state(folder / name, file, fresh=True)


def save_facts(folder: Path, files: ModelFiles, made: Iterable[str]) -> None:
    """Write down what the files of a folder were made of."""
    described = {name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)} for name in made}
    facts = {"version": VERSION, "fingerprint": fingerprint(files), "files": described}
    (folder / f"{FACTS}.partial").write_text(tomli_w.dumps(facts), "utf-8")
    put(folder / f"{FACTS}.partial", folder / FACTS)


def fingerprint(files: ModelFiles) -> str:
    """What distinguishes a checkpoint from any other, in a millisecond: a digest of names, sizes and samples of all files."""
    digest = hashlib.sha256()
    for name in CHECKPOINT_FILES:
        sample(files.folder / name, digest)
    return digest.hexdigest()


def sample(path: Path, digest: "hashlib._Hash") -> None:
    """Add a file's name, size and samples to a digest: who cuts, replaces or overwrites the file changes it."""
    size = path.stat().st_size
    digest.update(f"{path.name} {size}\n".encode())
    with open(path, "rb") as file:
        for number in range(SAMPLES):
            file.seek(max(0, size - SAMPLE_BYTES) * number // (SAMPLES - 1))
            digest.update(file.read(SAMPLE_BYTES))


def _made(folder: Path, checkpoint: str) -> dict[str, File] | None:
    """What was made; None if it was of another checkpoint, or by another version."""
    try:
        facts = tomllib.loads((folder / FACTS).read_text("utf-8"))
        if (facts["version"], facts["fingerprint"]) != (VERSION, checkpoint):
            return None
        made = {name: File(sha256=file["sha256"], size=file["bytes"]) for name, file in facts["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        raise _damaged(folder / FACTS) from error
    if not {VECTORS, MEMORY, SOFTMAX.format(0)} <= made.keys() or not all(map(safe_name, made)):
        raise _damaged(folder / FACTS)
    return made


def _checked(folder: Path, precision: str, made: dict[str, File], fresh: bool) -> Converted:
    with ThreadPoolExecutor() as pool:
        states = pool.map(lambda name: _state(folder / name, made[name], fresh), made)
        for name, state in zip(made, states, strict=True):
            if state != "ok":
                raise _damaged(folder / name)
    parts = sum(name.startswith("softmax-") for name in made)
    softmax = tuple(folder / SOFTMAX.format(part) for part in range(parts))
    if missing := [path for path in softmax if path.name not in made]:
        raise _damaged(missing[0])
    return Converted(precision, folder / VECTORS, folder / MEMORY, softmax, (folder / FACTS).read_bytes())


def _state(path: Path, file: File, fresh: bool) -> str:
    try:
        same = path.stat().st_size == file.size
        right = same and checked_once(path, file.sha256, lambda: intact(path, file), fresh)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise MissingError(f"cannot read {path}: {error.strerror}") from error
    return "ok" if right else "damaged"


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"{path} is damaged: make it again with `lmgen convert`, or use --engine session")
