"""Converted files compared with the checkpoint that they were made of, by one step of both."""

from pathlib import Path

import numpy as np

from lmgen.checkpoint import ModelFiles, Weights
from lmgen.engines import MEMORY, SOFTMAX, VECTORS, Function, ModelLock, PlainNetwork
from lmgen.errors import IntegrityError
from lmgen.export.quantise import quantised
from lmgen.text import SENTENCE_END, SENTENCE_START, Vocabulary

TOLERANCE = 1e-3
"""By how much numbers may differ, relative to the largest: rounding is far below, a weight at a wrong place far above."""
COMPARED = 1024
"""Rows of each part of the softmax that are compared."""


def check_agreement(
    folder: Path, files: ModelFiles, weights: Weights, parts: list[tuple[int, int]], precision: str
) -> None:
    """Let converted files and a plain NumPy network read the same words and predict the next.

    Where files hold int8, the network computes with the same int8. Raises IntegrityError where they differ.

    Args:
      folder: where the converted files are.
      parts: first row and end of each part of the softmax.
    """
    small = precision == "fast", precision != "float32"
    memory, softmax = (PlainNetwork(weights, kept_by_int8 if int8 else np.asarray) for int8 in small)
    characters = Vocabulary.load(files.vocabulary).all_char_ids([SENTENCE_START, SENTENCE_END])
    x = memory.vectors(characters)
    _compare(VECTORS, _run(folder / VECTORS, characters=characters)["vectors"], x)
    state = tuple(_noise(weights.shape.cells + weights.shape.projection) for _ in range(weights.shape.layers))
    given = {f"state_{layer}": values for layer, values in enumerate(state)}
    found = _run(folder / MEMORY, x=x, **given)
    new, _ = memory.advance(state, x)
    for name, wanted in zip(given, new, strict=True):
        _compare(MEMORY, found[name], wanted)
    h = np.ascontiguousarray(new[-1][:, weights.shape.cells :])
    for number, (begin, end) in enumerate(parts):
        rows = min(COMPARED, end - begin)
        logits = _run(folder / SOFTMAX.format(number), h=h)["logits"][:, :rows]
        _compare(SOFTMAX.format(number), logits, softmax.logits(h, begin, begin + rows), _rounding(h, weights, begin))


def kept_by_int8(matrix: np.ndarray) -> np.ndarray:
    """A matrix as int8 keeps it, each row with a scale of its own: float32 [rows, columns], as the one given."""
    values, scales = quantised(np.ascontiguousarray(matrix))
    return values * scales[:, None]


def _run(path: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    return Function(path, threads=1, lock=ModelLock())(**inputs)


def _noise(size: int) -> np.ndarray:
    """A memory that has something of everything, float32 [2, size]."""
    return np.random.default_rng(0).normal(0, 0.3, (2, size)).astype(np.float32)


def _rounding(h: np.ndarray, weights: Weights, begin: int) -> float:
    """How far a logit can be off where h is rounded to 256 levels: half a level of every number, about."""
    matrix, _ = weights.softmax(begin, min(begin + COMPARED, weights.shape.rows))
    return float(np.ptp(h, 1).max() / 255 * np.abs(matrix).sum(1).max() / 2)


def _compare(name: str, found: np.ndarray, wanted: np.ndarray, slack: float = 0.0) -> None:
    most = slack + TOLERANCE * max(1.0, float(np.abs(wanted).max()))
    if not (np.abs(found - wanted) <= most).all():
        raise IntegrityError(
            f"{name} does not compute what its checkpoint does: convert it again, or use --engine session"
        )
