"""Sentences and training batches from text files."""

import os
import signal
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lmgen.errors import IntegrityError, MissingError
from lmgen.text import MARKS, read_lines, tokenize, whole_file

BOUNDARY = 0
"""Stands between sentences: as an input it is read as `<S>`, as a target it is `</S>` (id 0)."""
_CHUNK = 2000


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
            raise IntegrityError(f"{path} is damaged: remove it and train anew") from error


def read_sentences(paths: Sequence[Path], raw: bool) -> Iterator[list[str]]:
    """The words of every line that has any. `raw` text is tokenised, in as many processes as there are cores."""
    lines = (line for path in paths for line in read_lines(path))
    if not raw:
        yield from filter(None, map(str.split, lines))
        return
    import multiprocessing  # whoever reads no text starts sooner without it

    # spawned, because TensorFlow's threads do not survive a fork; deaf to Ctrl-C, which is the parent's to answer
    deaf = (signal.SIGINT, signal.SIG_IGN)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), signal.signal, deaf) as pool:
        for sentences in pool.imap(_tokenize_lines, _chunks(lines)):
            yield from filter(None, sentences)


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    lines = iter(lines)
    return iter(lambda: list(islice(lines, _CHUNK)), [])


def _tokenize_lines(lines: list[str]) -> list[list[str]]:
    return [tokenize(line) for line in lines]


def build_corpus(sentences: Iterable[list[str]], held_back: Iterable[list[str]] | None = None, seed: int = 1) -> Corpus:
    """Number the words by how often they come in `sentences`.

    Without `held_back` sentences, one in 200 of `sentences` (at most 5,000) is kept from training.
    """
    ids: defaultdict[str, int] = defaultdict()
    ids.default_factory = ids.__len__
    for mark in MARKS:
        ids[mark]
    tokens, kept = _numbers(sentences, ids), np.zeros(0, np.int32)
    if held_back is None:
        tokens, kept = _split(tokens, np.random.default_rng(seed))
    rank = _ranks(tokens, len(ids))
    types = [""] * len(ids)
    for word, index in ids.items():
        types[rank[index]] = word
    tokens, kept = rank[tokens], rank[kept]
    if held_back is not None:
        ids = defaultdict(ids.default_factory, {word: index for index, word in enumerate(types)})
        ids.default_factory = ids.__len__
        kept = _numbers(held_back, ids)
    return Corpus(list(ids) if held_back is not None else types, tokens, kept)


def _numbers(sentences: Iterable[list[str]], ids: defaultdict[str, int]) -> np.ndarray:
    """The words' ids, new words numbered on, with a BOUNDARY after each sentence."""
    end = np.array([BOUNDARY], np.int32)
    parts = [end[:0]]
    for words in sentences:
        parts += [np.fromiter(map(ids.__getitem__, words), np.int32, len(words)), end]
    return np.concatenate(parts)


def _ranks(tokens: np.ndarray, types: int) -> np.ndarray:
    """The place of each id by falling count, int32 [types]; the marks keep theirs."""
    counts = np.bincount(tokens, minlength=types)
    counts[: len(MARKS)] = np.iinfo(counts.dtype).max
    rank = np.empty(types, np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(types)
    return rank


def split_sentences(tokens: np.ndarray) -> list[np.ndarray]:
    """The sentences, each with its BOUNDARY."""
    return np.split(tokens, np.flatnonzero(tokens == BOUNDARY) + 1)[:-1]


def _split(tokens: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    sentence = np.cumsum(tokens == BOUNDARY) - (tokens == BOUNDARY)
    count = int(sentence[-1]) + 1 if len(tokens) else 0
    chosen = np.zeros(count + 1, bool)
    chosen[rng.choice(max(count, 1), min(-(-count // 200), 5000), replace=False)] = True
    return tokens[~chosen[sentence]], tokens[chosen[sentence]]
