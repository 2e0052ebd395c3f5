"""The vectors of all words of a vocabulary, computed once and kept in the cache."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lmgen.checkpoint import sha256
from lmgen.engines import fingerprint
from lmgen.errors import LmgenError
from lmgen.model import SPELLED_WORDS, LanguageModel
from lmgen.store import checked_once, home, lock, sign
from lmgen.text import whole_file

MATRIX, CHECKSUM = "vectors.npy", "sha256"


def kept_vectors(model: LanguageModel) -> np.ndarray:
    """What the LSTM sees of every word, float32 [words, projection]: mapped from the cache, or made there first.

    At the released size that takes minutes the first time, and 3.2 GB. Where the cache cannot be written, they are
    computed for this process alone.
    """
    name = f"{fingerprint(model.files)[:16]}-{model.precision}"
    folder = home() / "vectors" / name
    try:
        with lock(f"vectors-{name}"):
            if not _intact(folder / MATRIX, len(model.vocabulary)):
                _make(model, folder)
        return np.load(folder / MATRIX, mmap_mode="r")
    except (OSError, LmgenError):  # no room, or not ours to write
        return np.concatenate(list(_computed(model)))


def _make(model: LanguageModel, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CHECKSUM).unlink(missing_ok=True)
    sign(folder, model.files.folder.resolve().name)
    with whole_file(folder / MATRIX) as partial:
        shape = (len(model.vocabulary), model.vectors(["the"]).shape[1])
        matrix = np.lib.format.open_memmap(partial, "w+", np.float32, shape)
        begin = 0
        for block in _computed(model):
            matrix[begin : begin + len(block)] = block
            begin += len(block)
        matrix.flush()
    (folder / CHECKSUM).write_text(sha256(folder / MATRIX))


def _computed(model: LanguageModel) -> Iterator[np.ndarray]:
    words = model.vocabulary.words
    for begin in range(0, len(words), SPELLED_WORDS):
        yield model.vectors(words[begin : begin + SPELLED_WORDS])


def _intact(path: Path, words: int) -> bool:
    with contextlib.suppress(OSError, ValueError):
        noted = path.with_name(CHECKSUM).read_text()
        whole = checked_once(path, noted, lambda: sha256(path) == noted)
        return whole and len(np.load(path, mmap_mode="r")) == words
    return False
