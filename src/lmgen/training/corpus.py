"""Sentences and training batches from text files."""

import signal
import zipfile
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lmgen.errors import IntegrityError, LmgenError, MissingError
from lmgen.text import MARKS, NO_WORD, read_lines, tokenize, whole_file

BOUNDARY = 0
"""Stands between sentences: as an input it is read as `<S>`, as a target it is `</S>` (id 0)."""
_CHUNK, _AHEAD = 2000, 32
"""Lines that a process tokenises at once, and how many such chunks may wait."""
RESERVED = {*MARKS, NO_WORD}
"""Words that a text to train on cannot hold: special tokens, and the padding row of the release's vocabulary."""


@dataclass(frozen=True)
class Corpus:
    """Texts as numbers: int32 ids of `types`; each sentence is followed by BOUNDARY."""

    types: list[str]
    """Every distinct word: `</S>`, `<S>`, `<UNK>`, then by falling count in the training text."""
    tokens: np.ndarray
    """The text to train on."""
    held_back: np.ndarray
    """The text to validate on."""

    def save(self, path: Path) -> None:
        """Write the corpus, whole or not at all."""
        types = np.frombuffer("\n".join(self.types).encode(), np.uint8)
        with whole_file(path) as partial, open(partial, "wb") as file:
            np.savez(file, types=types, tokens=self.tokens, held_back=self.held_back)

    @classmethod
    def load(cls, path: Path) -> "Corpus":
        """Read what `save` wrote. Raises MissingError or IntegrityError."""
        try:
            with np.load(path) as stored:
                types = stored["types"].tobytes().decode().split("\n")
                return cls(types, stored["tokens"], stored["held_back"])
        except FileNotFoundError as error:
            raise MissingError(f"nothing to resume: there is no {path}") from error
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise IntegrityError(f"{path} is damaged: remove it and train again") from error


def read_sentences(paths: Sequence[Path], raw: bool) -> Iterator[list[str]]:
    """The words of every line that has any, special tokens among them left out.

    `raw` text is tokenised, in as many processes as there are cores. Raises LmgenError where one of them is killed.
    """
    lines = (line for path in paths for line in read_lines(path))
    sentences = _tokenized(lines) if raw else map(str.split, lines)
    yield from filter(None, map(_without_marks, sentences))


def _without_marks(words: list[str]) -> list[str]:
    """Words as training may read them: a special token in a text would be taken for what it marks."""
    return [word for word in words if word not in RESERVED] if not RESERVED.isdisjoint(words) else words


def _tokenized(lines: Iterable[str]) -> Iterator[list[str]]:
    import multiprocessing  # whoever reads no text starts sooner without these
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # spawned, because TensorFlow's threads do not survive a fork; deaf to Ctrl-C, which is the parent's to answer
    deaf = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(None, multiprocessing.get_context("spawn"), signal.signal, deaf) as pool:
        waiting: deque[Future[list[list[str]]]] = deque()
        try:
            for chunk in _chunks(lines):
                waiting.append(pool.submit(_tokenize_lines, chunk))
                if len(waiting) > _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise LmgenError("a process that splits the text into words was killed: is there memory enough?") from error


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    lines = iter(lines)
    return iter(lambda: list(islice(lines, _CHUNK)), [])


def _tokenize_lines(lines: list[str]) -> list[list[str]]:
    return [tokenize(line) for line in lines]


def build_corpus(sentences: Iterable[list[str]], held_back: Iterable[list[str]] | None = None, seed: int = 1) -> Corpus:
    """Number the words by how often they come in `sentences`.

    Without `held_back` sentences, one in 200 of `sentences` (at most 5,000) is kept from training.
    """
    numbers = _Numbers()
    tokens = numbers.of(sentences)
    tokens, kept = _split(tokens, np.random.default_rng(seed)) if held_back is None else (tokens, None)
    rank = numbers.rank(tokens)
    tokens, kept = rank[tokens], numbers.of(held_back or ()) if kept is None else rank[kept]
    return Corpus(numbers.words, tokens, kept)


class _Numbers:
    """A number for every word, in the order in which words came, the special tokens first."""

    def __init__(self) -> None:
        self._ids: defaultdict[str, int] = defaultdict()
        self._ids.default_factory = self._ids.__len__
        for mark in MARKS:
            self._ids[mark]

    @property
    def words(self) -> list[str]:
        """By their numbers."""
        return list(self._ids)

    def of(self, sentences: Iterable[list[str]]) -> np.ndarray:
        """The words' numbers, int32, with a BOUNDARY after each sentence."""
        end = np.array([BOUNDARY], np.int32)
        parts = [end[:0]]
        for words in sentences:
            parts += [np.fromiter(map(self._ids.__getitem__, words), np.int32, len(words)), end]
        return np.concatenate(parts)

    def rank(self, tokens: np.ndarray) -> np.ndarray:
        """Renumber all words by falling count in `tokens`, but the special ones: the new number of each, int32."""
        counts = np.bincount(tokens, minlength=len(self._ids))
        counts[: len(MARKS)] = np.iinfo(counts.dtype).max
        order = np.argsort(-counts, kind="stable")
        words, rank = self.words, np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order))
        self._ids.clear()
        self._ids.update({words[old]: new for new, old in enumerate(order.tolist())})
        return rank


def split_sentences(tokens: np.ndarray) -> list[np.ndarray]:
    """The sentences of int32 [tokens], each with its BOUNDARY."""
    return np.split(tokens, np.flatnonzero(tokens == BOUNDARY) + 1)[:-1]


def _split(tokens: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    sentence = np.cumsum(tokens == BOUNDARY) - (tokens == BOUNDARY)
    count = int(sentence[-1]) + 1 if len(tokens) else 0
    chosen = np.zeros(count + 1, bool)
    chosen[rng.choice(max(count, 1), min(-(-count // 200), 5000), replace=False)] = True
    return tokens[~chosen[sentence]], tokens[chosen[sentence]]
