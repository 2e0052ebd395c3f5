"""Training batches: windows of many streams of text, with the words and candidates each needs."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lmgen.text import UNKNOWN, WORD_LENGTH, Vocabulary
from lmgen.training.corpus import BOUNDARY, split_sentences

SHORT = 12
"""Most words have at most so many characters with their marks; they go into a bucket of their own."""
BUCKETS = (SHORT + 7, WORD_LENGTH)
"""Length of the words' rows in each bucket; why 7 more suffice: see `network.word_vectors`."""
MORE = 1024
"""By so many there are more candidates where a batch needs them: so few sizes need compiling."""
_GRANULE = 128
"""Buckets hold a multiple of so many rows, so that few sizes need compiling."""


@dataclass(frozen=True)
class Window:
    """A piece of every stream: what is read, and what should have been predicted."""

    inputs: np.ndarray
    """int32 [steps, rows], ids of the corpus's types; BOUNDARY is read as `<S>`."""
    targets: np.ndarray
    """int32 [steps, rows], ids of the corpus's types; BOUNDARY is `</S>`."""
    position: tuple[int, int]
    """(epoch, window) that comes next: where to continue."""


def windows(tokens: np.ndarray, steps: int, rows: int, start: tuple[int, int], seed: int) -> Iterator[Window]:
    """Windows without end; every epoch shuffles the sentences again, by `seed` and epoch alone.

    Args:
      tokens: int32 [tokens], sentences that each end with BOUNDARY.
      start: (epoch, window) of the first.
    """
    epoch, first = start
    while True:
        stream = shuffled(tokens, np.random.default_rng([seed, epoch]))
        length = len(stream) // rows
        targets = stream[: rows * length].reshape(rows, length).T
        inputs = np.concatenate([[BOUNDARY], stream])[: rows * length].reshape(rows, length).T
        for window in range(first, length // steps):
            part = slice(window * steps, (window + 1) * steps)
            following = (epoch, window + 1) if window + 1 < length // steps else (epoch + 1, 0)
            yield Window(np.ascontiguousarray(inputs[part]), np.ascontiguousarray(targets[part]), following)
        epoch, first = epoch + 1, 0


def shuffled(tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same sentences in another order, int32 [tokens]; each ends with BOUNDARY."""
    ends = np.flatnonzero(tokens == BOUNDARY).astype(np.int64) + 1
    starts = np.concatenate([[0], ends[:-1]])
    order = rng.permutation(len(ends))
    lengths = (ends - starts)[order]
    offsets = starts[order] - np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return tokens[np.repeat(offsets, lengths) + np.arange(lengths.sum())]


def columns(tokens: np.ndarray, rows: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole sentences dealt to `rows` columns, for validation: inputs and targets, int32 [n * steps, rows].

    No sentence is cut. Unused places have the target -1.
    """
    sentences = sorted(split_sentences(tokens), key=len, reverse=True)
    filled: list[list[np.ndarray]] = [[] for _ in range(rows)]
    lengths = np.zeros(rows, np.int64)
    for sentence in sentences:
        shortest = int(lengths.argmin())
        filled[shortest].append(sentence)
        lengths[shortest] += len(sentence)
    targets = np.full((-(-lengths.max() // steps) * steps, rows), -1, np.int32)
    for row, column in enumerate(filled):
        if column:
            targets[: lengths[row], row] = np.concatenate(column)
    inputs = np.concatenate([np.full((1, rows), BOUNDARY, np.int32), np.maximum(targets[:-1], BOUNDARY)])
    return inputs, targets


class Spelling:
    """Character ids of all types of a corpus, ready to be cut into buckets."""

    def __init__(self, types: list[str], vocabulary: Vocabulary) -> None:
        spelled = ["<S>", *types[1:]]  # BOUNDARY is read as the start of a sentence
        self._characters = vocabulary.all_char_ids(spelled).astype(np.uint8)
        pad = vocabulary.unused_bytes[4]
        self._short = (self._characters[:, SHORT:] == pad).all(1)

    def distinct(self, ids: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Buckets of the distinct words' character ids, and where each of `ids` lies in them.

        int32 [words of the bucket, its length] for each of BUCKETS; and int, in the shape of `ids`, a row of all
        buckets one below the other.
        """
        words, places = np.unique(ids, return_inverse=True)
        short = self._short[words]
        position = np.empty(len(words), np.int32)
        buckets, start = [], 0
        for chosen, length in zip((short, ~short), BUCKETS, strict=True):
            rows = self._characters[words[chosen], :length].astype(np.int32)
            position[chosen] = start + np.arange(len(rows))
            buckets.append(np.pad(rows, ((0, -len(rows) % _GRANULE), (0, 0))))
            start += len(buckets[-1])
        return buckets, position[places].reshape(ids.shape)


@dataclass(frozen=True)
class Candidates:
    """The softmax rows that a training step looks at."""

    ids: np.ndarray
    """int32 [candidates], all different."""
    correction: np.ndarray
    """float32 [candidates], added to the logits: 0, or ln(1 / share drawn) for drawn words."""
    labels: np.ndarray
    """int32 [tokens]: where among the candidates each target stands."""


def choose_candidates(
    targets: np.ndarray, words: int, frequent: int, total: int, rng: np.random.Generator
) -> Candidates:
    """The `frequent` first words, the batch's targets, and draws from the rest, `total` in all.

    Weighting the drawn words by 1 / their share makes the sum of exponentials an unbiased estimate
    of the full one, given the targets. With `total` >= `words` it is the full softmax itself. Where a batch has so
    many rare targets that fewer than an eighth could be drawn, there are more candidates, by steps of MORE: without
    draws the model would never learn which rare words do not come.

    Args:
      targets: ids of the batch, int32 [tokens]; 0 <= each < `words`.
    """
    frequent = min(frequent, total // 2)
    rare = np.unique(targets[targets >= frequent])
    lacking = frequent + len(rare) - total * 7 // 8
    total += -(-max(0, lacking) // MORE) * MORE
    if total >= words:
        return Candidates(np.arange(words, dtype=np.int32), np.zeros(words, np.float32), targets)
    rest = np.setdiff1d(np.arange(frequent, words), rare, assume_unique=True)
    drawn = rng.choice(rest, total - frequent - len(rare), replace=False, shuffle=False)
    ids = np.concatenate([np.arange(frequent), rare, drawn]).astype(np.int32)
    correction = np.zeros(len(ids), np.float32)
    correction[-len(drawn) :] = np.log(len(rest) / len(drawn))
    places = np.empty(words, np.int32)
    places[ids] = np.arange(len(ids))
    return Candidates(ids, correction, places[targets])


def in_vocabulary(targets: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Targets with those outside the vocabulary as `<UNK>`: int32, of the same shape."""
    return np.where(targets < len(vocabulary), targets, np.int32(vocabulary.id(UNKNOWN)))


def ahead(items: Iterator, size: int = 4) -> Iterator:
    """The same items, made in a thread that runs up to `size` ahead."""
    waiting: queue.Queue = queue.Queue(size)
    stopped = threading.Event()

    def fill() -> None:
        try:
            for item in items:
                if not _put(waiting, item, stopped):
                    return
            _put(waiting, None, stopped)
        except BaseException as error:  # noqa: BLE001 (handed to the reader, who raises it)
            _put(waiting, error, stopped)

    threading.Thread(target=fill, daemon=True).start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()


def _put(waiting: queue.Queue, item, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=0.5)
            return True
        except queue.Full:
            pass
    return False
