"""Where the LiteRT files of a model are, and whether they still belong to it.

They lie in a folder for each precision, beside the checkpoint (such as `litert-fast`) or in the cache. `converted.toml` in it names the checkpoint they were made of, and the size of each.
"""

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from lmgen.checkpoint import CHECKPOINT_FILES, ModelFiles
from lmgen.errors import IntegrityError
from lmgen.store import home

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRECISIONS = ("fast", "exact", "float32")
"""`fast`: LSTMs and softmax in int8, each row of a matrix with a scale of its own; characters to vectors in float32.
What the matrices are multiplied with is not rounded, but for the softmax of rare words.
`exact`: only the softmax, which shows where float32 has to be computed."""
VERSION = 3
"""Of the files' contents: those of another version are made anew."""
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


def find_converted(files: ModelFiles, precision: str) -> Converted | None:
    """The files of a model in a precision; None if there are none, or they belong to another checkpoint.

    Raises IntegrityError if they are cut short or damaged.
    """
    for folder in (beside(files, precision), cached(files, precision)):
        if (folder / FACTS).is_file() and (sizes := _sizes(folder, fingerprint(files))) is not None:
            return _checked(folder, precision, sizes)
    return None


def save_facts(folder: Path, files: ModelFiles, made: Iterable[str]) -> None:
    """Write down what the files of a folder were made of."""
    facts = {"version": VERSION, "fingerprint": fingerprint(files), "bytes": {}}
    facts["bytes"] = {name: (folder / name).stat().st_size for name in made}
    (folder / FACTS).write_text(tomli_w.dumps(facts), "utf-8")


def fingerprint(files: ModelFiles) -> str:
    """Tells a checkpoint from any other, in a millisecond: a digest of names, sizes and samples of all files."""
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


def _sizes(folder: Path, checkpoint: str) -> dict[str, int] | None:
    try:
        facts = tomllib.loads((folder / FACTS).read_text("utf-8"))
        return facts["bytes"] if (facts["version"], facts["fingerprint"]) == (VERSION, checkpoint) else None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise _damaged(folder / FACTS) from error


def _checked(folder: Path, precision: str, sizes: dict[str, int]) -> Converted:
    for name, size in sizes.items():
        if not (folder / name).is_file() or (folder / name).stat().st_size != size:
            raise _damaged(folder / name)
    parts = sum(name.startswith("softmax-") for name in sizes)
    softmax = tuple(folder / SOFTMAX.format(part) for part in range(parts))
    return Converted(precision, folder / VECTORS, folder / MEMORY, softmax, (folder / FACTS).read_bytes())


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"{path} is damaged: make it anew with `lmgen convert`, or use --engine session")
