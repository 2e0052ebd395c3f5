"""Vectors of words, and which words are near each other, in either of a model's two spaces.

`in`: what the LSTM sees of a word, from its characters, for any spelling (Kim et al. 2016). `out`: the word's row of the
softmax, for words of the vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmgen.embeddings.kept import kept_vectors
from lmgen.engines import look_inside
from lmgen.errors import UsageError
from lmgen.model import SPELLED_WORDS, LanguageModel
from lmgen.softmax import highest
from lmgen.text import MARKS, unknown_word

SPACES = ("in", "out")
ROWS = 128
"""Rows of a matrix that are computed with at once."""


@dataclass(frozen=True)
class Neighbour:
    """A word near others."""

    word: str
    rank: int
    """From 1, the nearest first."""
    similarity: float
    """Cosine of the angle between the vectors, -1 to 1."""


class WordSpace:
    """All words of a vocabulary as vectors.

    Args:
      space: one of SPACES.
    """

    def __init__(self, model: LanguageModel, space: str) -> None:
        if space not in SPACES:
            raise UsageError(f"space must be one of {', '.join(SPACES)}, not {space!r}")
        self._model, self._space = model, space

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        """Of words, float32 [words, projection]. Raises UsageError for one that has none."""
        if self._space == "in":
            parts = [words[begin : begin + SPELLED_WORDS] for begin in range(0, len(words), SPELLED_WORDS)]
            return np.concatenate([self._model.vectors(part) for part in parts or [[]]])
        vocabulary = self._model.vocabulary
        if unknown := [word for word in words if word not in vocabulary]:
            raise UsageError(f"{unknown_word(unknown[0], vocabulary)} (--space in has vectors for any word)")
        return look_inside(self._model).output_vectors(list(map(vocabulary.id, words)))

    def neighbours(self, plus: Sequence[str], minus: Sequence[str] = (), count: int = 10) -> list[Neighbour]:
        """The words nearest to the sum of some less the sum of others, each scaled to length 1, but for those themselves.

        `king`, `woman` less `man` is the analogy of Mikolov et al. (2013). Special tokens are left out.

        Raises UsageError where that sum is zero, and for a word without a vector.
        """
        given = self._unit([*plus, *minus])
        target = given[: len(plus)].sum(0) - given[len(plus) :].sum(0)
        if not (length := float(np.linalg.norm(target))) > 1e-6:
            raise UsageError("these words cancel each other out: nothing is near to nothing")
        cosines = self._cosines(target / length)
        vocabulary = self._model.vocabulary
        left_out = [vocabulary.id(word) for word in (*plus, *minus, *MARKS) if word in vocabulary]
        cosines[left_out] = -np.inf
        count = min(count, len(cosines) - len(set(left_out)))
        best = highest(cosines, count) if count > 0 else np.empty(0, np.int64)
        best = best[np.argsort(-cosines[best], kind="stable")][:count]
        return [
            Neighbour(vocabulary.word(place), rank, float(cosines[place]))
            for rank, place in enumerate(best.tolist(), 1)
        ]

    def information_values(self, words: Sequence[str], probs: np.ndarray) -> np.ndarray:
        """How far each word is expected to be from the one that comes: float64 [words], 0 to 2.

        The distance of two words is 1 less the cosine of their vectors. Giulianelli et al. (2023) average it over texts
        drawn from a model; here every word of the vocabulary has its probability. NaN for a word without a vector.

        Args:
          probs: of all words, float64 [words of the vocabulary].
        """
        known = [word for word in words if self._space == "in" or word in self._model.vocabulary]
        found = np.full(len(words), np.nan)
        if known:
            distances = dict(zip(known, 1 - self._unit(known) @ self._expected(probs), strict=True))
            found[:] = [distances.get(word, np.nan) for word in words]
        return found

    def _expected(self, probs: np.ndarray) -> np.ndarray:
        """The mean of all words' vectors of length 1, each with its probability: float64 [projection]."""
        parts, shares = self._shards, (probs / self._lengths).astype(np.float32)
        total = np.zeros(parts[0].shape[1])
        for shard, matrix in enumerate(parts):
            own = shares[shard :: len(parts)]
            for begin in range(0, len(own), ROWS):
                some = own[begin : begin + ROWS]
                total += some @ matrix[begin : begin + len(some)]
        return total

    def similarities(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Cosine of the angle between the vectors of each pair of words, float64 [pairs]."""
        first, second = (self._unit([pair[side] for pair in pairs]).astype(np.float64) for side in (0, 1))
        return np.einsum("ij,ij->i", first, second)

    def _unit(self, words: Sequence[str]) -> np.ndarray:
        vectors = self.vectors(words)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def _cosines(self, target: np.ndarray) -> np.ndarray:
        """Of all words with a vector of length 1, float32 [words]."""
        return self._of_all(lambda matrix: matrix @ target) / self._lengths

    @cached_property
    def _lengths(self) -> np.ndarray:
        """Of all words' vectors, float32 [words]."""
        squares = self._of_all(lambda matrix: np.einsum("ij,ij->i", matrix, matrix))
        return np.maximum(np.sqrt(squares), 1e-12)

    def _of_all(self, compute: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """A number for every word, from its vector, float32 [words]; the softmax's shards are read as they lie."""
        parts = self._shards
        found = np.empty(sum(map(len, parts)), np.float32)
        for shard, matrix in enumerate(parts):  # one after the other: BLAS has threads, and more would be in its way
            # NumPy copies what lies at odd addresses, as in a checkpoint: few rows at a time stay in the cache
            begins = range(0, len(matrix), ROWS)
            found[shard :: len(parts)] = np.concatenate([compute(matrix[begin : begin + ROWS]) for begin in begins])
        return found[: len(self._model.vocabulary)]

    @cached_property
    def _shards(self) -> list[np.ndarray]:
        """Matrices with the vectors of all words: that of word w is row w // n of matrix w % n, of n."""
        if self._space == "in":
            return [kept_vectors(self._model)]
        return look_inside(self._model).softmax_shards
