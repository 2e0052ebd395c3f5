"""Measure words in their places: log-probability, rank, entropy, the most likely words."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from lmgen.errors import UsageError
from lmgen.model import LanguageModel, State, take
from lmgen.softmax import Masses, Sums, most_likely
from lmgen.text import UNKNOWN

ROWS = 128
"""Texts read side by side, at most."""
FIRST_WINDOW, WINDOW = 1 << 10, 1 << 14
"""Words sorted together: a few at first, so that results come soon, then twice as many each time."""
BLOCK = 1 << 23
"""Logits computed at once, 32 MB of them, but of at least LEAST_POSITIONS positions."""
LEAST_POSITIONS = 64
CHUNK = 1 << 18
"""Logits summed up at once: few enough to stay in a core's cache."""
LIKELY = np.dtype([("id", np.int64), ("logprob", np.float64)])
"""A word's id and the natural logarithm of its probability."""
OOV_INPUTS = ("chars", "unk")


@dataclass(frozen=True)
class Scoring:
    """How texts are scored."""

    prefix: tuple[str, ...] = ()
    """Words that are read before each text that starts afresh, and are not scored."""
    renormalize: bool = True
    """Leave softmax rows without a word out of the distribution."""
    oov_input: str = "chars"
    """`chars`: words outside the vocabulary are read by their characters; `unk`: as `<UNK>`."""
    rank: bool = False
    """Whether to count the words that are more likely."""
    entropy: bool = False
    """Whether to measure the distribution's entropy."""
    top: int = 0
    """How many of the most likely words to find in place of each. 0 <= top."""
    limits: tuple[float, ...] = ()
    """Probabilities between bins of words, in rising order, without 0 and 1: how much lies in each is measured."""
    rows: int = ROWS
    """Texts read side by side. 1 <= rows."""
    whole: bool = False
    """In `LM`: a text is one sentence, whatever it looks like; else it is split where Moses' rules end sentences."""
    end: bool = True
    """Whether the end of each text is scored; without it a text is a fragment."""

    def __post_init__(self) -> None:
        if isinstance(self.prefix, str):
            raise UsageError(f"a prefix is given as words: {tuple(self.prefix.split())}")
        if self.oov_input not in OOV_INPUTS:
            raise UsageError(f"oov-input must be one of {', '.join(OOV_INPUTS)}, not {self.oov_input!r}")
        if self.top < 0:
            raise UsageError(f"top must be 0 or more, not {self.top}")
        if self.rows < 1:
            raise UsageError(f"rows must be 1 or more, not {self.rows}")


@dataclass(frozen=True)
class Measures:
    """What is known of each word of a text."""

    logprobs: np.ndarray
    """Natural logarithm of its probability, float64 [words]."""
    ranks: np.ndarray
    """How many words are more likely, and one: int64 [words], from 1; 0 if it was not asked for."""
    entropies: np.ndarray
    """Entropy of the distribution it comes from, in nats, float64 [words]; NaN if it was not asked for."""
    best: np.ndarray
    """The most likely words of that distribution, the most likely first, of dtype LIKELY, [words, top]."""
    masses: np.ndarray
    """Probability in that distribution of all words of each bin, float64 [words, limits + 1]; [words, 0] without bins."""

    @classmethod
    def joined(cls, parts: Sequence["Measures"]) -> "Measures":
        """Those of a text that was measured in parts."""
        columns = ([getattr(part, column.name) for part in parts] for column in fields(cls))
        return cls(*map(np.concatenate, columns)) if len(parts) > 1 else parts[0]

    def after(self, count: int) -> "Measures":
        """Those of all words but the first."""
        return Measures(*(getattr(self, column.name)[count:] for column in fields(self)))


def as_input(model: LanguageModel, options: Scoring) -> Callable[[str], str]:
    """What is read for a word."""
    unk = options.oov_input == "unk"
    return lambda word: UNKNOWN if unk and word not in model.vocabulary else word


@dataclass(frozen=True)
class Passage:
    """Words to read, and what to look for after each."""

    inputs: Sequence[str]
    targets: np.ndarray
    """Ids of the words whose probability is wanted, one after each input: int64 [inputs]."""
    start: State | None
    """The memory before the first of them, one row; None for that after the last of the passage before."""


def measure_passages(model: LanguageModel, passages: Iterable[Passage], options: Scoring) -> Iterator[Measures]:
    """Measure the targets of passages, in order; yields those of one passage each."""
    memory = model.start()
    for window in windows_of(passages):
        found, memory = _measure_window(model, window, memory, options)
        begin = 0
        for passage in window:
            end = begin + len(passage.inputs)
            yield Measures(*(column[begin:end] for column in found))
            begin = end


def windows_of(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    """Passages in groups, of about as many words as are to be sorted together."""
    window, words, size = [], 0, FIRST_WINDOW
    for passage in passages:
        window.append(passage)
        words += len(passage.inputs)
        if words >= size:
            yield window
            window, words, size = [], 0, min(2 * size, WINDOW)
    if window:
        yield window


def _measure_window(
    model: LanguageModel, window: list[Passage], memory: State, options: Scoring
) -> tuple[tuple[np.ndarray, ...], State]:
    """The columns of `Measures`, of all targets; and the memory after the last word."""
    inputs = [word for passage in window for word in passage.inputs]
    model.vectors(sorted(set(inputs)))  # engines keep them: spelled together, new words cost less
    gathered = _Gathered(model, np.concatenate([passage.targets for passage in window]), options)
    for places, state in read_together(model, inputs, runs_of(window, memory), options.rows):
        gathered.add(places, model.hidden(state))
        if len(last := np.flatnonzero(places == len(inputs) - 1)):
            memory = take(state, last.tolist())
    gathered.finish()
    return gathered.found, memory


def runs_of(window: list[Passage], memory: State) -> list[tuple[int, int, State]]:
    """Passages that start without a memory, each with those that continue it: (first place, number of words, memory before)."""
    begins: list[int] = []
    starts: list[State] = []
    place = 0
    for passage in window:
        if passage.start is not None or not begins:
            begins.append(place)
            starts.append(memory if passage.start is None else passage.start)
        place += len(passage.inputs)
    return list(zip(begins, np.diff([*begins, place]).tolist(), starts, strict=True))


def read_together(
    model: LanguageModel, inputs: list[str], runs: list[tuple[int, int, State]], rows: int
) -> Iterator[tuple[np.ndarray, State]]:
    """Read runs side by side, those of like length together.

    Yields at each step the places of the words just read, int64 [rows], and the memories after them, of as many rows.
    """
    runs = sorted(runs, key=lambda run: -run[1])
    for first in range(0, len(runs), rows):
        group = runs[first : first + rows]
        begins, lengths = (np.array([run[part] for run in group]) for part in (0, 1))
        state: State = tuple(map(np.concatenate, zip(*(start for _, _, start in group), strict=True)))
        for step in range(lengths[0]):
            places = begins[lengths > step] + step  # the longest come first: those still going are the first rows
            state = tuple(layer[: len(places)] for layer in state)
            state = model.advance(state, [inputs[place] for place in places])
            yield places, state


class _Gathered:
    """Hidden states that wait for the softmax, and the measures of those that have passed it."""

    def __init__(self, model: LanguageModel, targets: np.ndarray, options: Scoring) -> None:
        self._model, self._targets, self._options = model, targets, options
        self._places: list[np.ndarray] = []
        self._hidden: list[np.ndarray] = []
        self._waiting, self._block = 0, max(LEAST_POSITIONS, BLOCK // len(model.vocabulary))
        count = len(targets)
        best = np.empty((count, min(options.top, len(model.vocabulary))), LIKELY)
        masses = np.empty((count, 1 + len(options.limits) if options.limits else 0))
        self.found = (np.empty(count), np.empty(count, np.int64), np.empty(count), best, masses)

    def add(self, places: np.ndarray, hidden: np.ndarray) -> None:
        """Hidden states, float32 [rows, projection], that predict the targets at `places`, int64 [rows]."""
        self._places.append(places)
        self._hidden.append(hidden.copy())  # the rest of the memory need not be kept
        self._waiting += len(places)
        self.finish(self._block)

    def finish(self, least: int = 1) -> None:
        """Pass what waits through the softmax, block by block, while so many positions wait."""
        if self._waiting < least:
            return
        hidden, places = np.concatenate(self._hidden), np.concatenate(self._places)
        while len(places) >= least:
            self._predict(hidden[: self._block], places[: self._block])
            hidden, places = hidden[self._block :], places[self._block :]
        self._hidden, self._places, self._waiting = [hidden], [places], len(places)

    def _predict(self, hidden: np.ndarray, places: np.ndarray) -> None:
        parts, words = self._model.logits_in_parts(hidden), len(self._model.vocabulary)
        measured = _measures(parts, self._targets[places], words, self._options)
        for column, values in zip(self.found, measured, strict=True):
            column[places] = values


def _measures(
    parts: Iterable[np.ndarray], targets: np.ndarray, words: int, options: Scoring
) -> tuple[np.ndarray | int, ...]:
    """The columns of `Measures` for one target in each row; ranks are 0, entropies NaN if they are not wanted.

    Args:
      parts: float32 [rows, some of the softmax rows], one after the other.
      targets: ids, int64 [rows].
      words: how many of the softmax rows belong to a word.

    The logits come part after part, and only for ranks are they kept: at the released size, new memory for
    all of them would cost more time than what is done with them.
    """
    aimed, begin = np.empty(len(targets), np.float32), 0
    sums: list[Sums] = []
    kept: list[np.ndarray] = []
    best, masses = np.empty((len(targets), 0), LIKELY), Masses(options.limits)
    for part in parts:
        here = (begin <= targets) & (targets < begin + part.shape[1])
        aimed[here] = part[here, targets[here] - begin]
        of_words = part[:, : max(0, words - begin)]
        shown = of_words if options.renormalize else part
        if shown.size:
            sums.append(Sums(*_by_rows(lambda rows: np.stack(Sums.of(rows, options.entropy)), shown)))
            if options.limits:
                masses.add(shown, Sums.joined(sums).log_total)
        if options.rank and of_words.size:
            kept.append(of_words)
        if options.top and of_words.size:
            best = _best([best, _likely(of_words, options.top, begin)], options.top)
        begin += part.shape[1]
    whole = Sums.joined(sums)
    best["logprob"] -= whole.log_total[:, None]
    ranks = _ranks(kept, aimed) if options.rank else 0
    binned = masses.of(whole.log_total) if options.limits else np.empty((len(targets), 0))
    return aimed - whole.log_total, ranks, whole.entropy, best, binned


def _ranks(parts: Iterable[np.ndarray], aimed: np.ndarray) -> np.ndarray:
    """How many logits of each row are above the one aimed at, and one: int64 [rows]."""
    above = [_by_rows(lambda rows, limits: (rows > limits[:, None]).sum(1), part, aimed) for part in parts]
    return 1 + np.sum(above, 0)


def _likely(logits: np.ndarray, count: int, first: int) -> np.ndarray:
    """The words of the highest logits of each row, with those logits: of dtype LIKELY, [rows, at most count].

    Args:
      logits: float32 [rows, words].
      first: the id of the first word.
    """
    places = np.stack([most_likely(row, count) for row in logits])
    found = np.empty(places.shape, LIKELY)
    found["id"], found["logprob"] = first + places, np.take_along_axis(logits, places, 1)
    return found


def _best(parts: Sequence[np.ndarray], count: int) -> np.ndarray:
    """The first `count` of several, by their logits; of equal ones, the first of the vocabulary comes first."""
    both = np.concatenate(parts, 1)
    return np.take_along_axis(both, np.argsort(-both["logprob"], 1, kind="stable")[:, :count], 1)


def _by_rows(function: Callable[..., np.ndarray], logits: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """A function of rows, of few at a time and by all cores: NumPy by itself uses one. Its last axis is the rows."""
    size = max(1, CHUNK // logits.shape[1])

    def piece(begin: int) -> np.ndarray:
        return function(*(array[begin : begin + size] for array in (logits, *others)))

    return np.concatenate(list(_pool().map(piece, range(0, len(logits), size))), -1)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())


if hasattr(os, "register_at_fork"):  # a forked process has none of the pool's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
