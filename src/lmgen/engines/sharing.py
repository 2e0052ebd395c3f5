"""What lets threads and forked processes use one model."""

import ctypes
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from lmgen.model import SPELLED_WORDS, LanguageModel, State

CACHED_WORDS = 50_000


class Forked(Protocol):
    """What must be made ready in a process that was forked from the one that made it."""

    def after_fork(self) -> None:
        """Make it ready. No other thread runs yet."""


_made: "weakref.WeakSet[Forked]" = weakref.WeakSet()


def ready_after_fork(value: Forked) -> None:
    """Have `after_fork` called in every forked process."""
    _made.add(value)


def keep_for_ever(value: object) -> None:
    """Never free a value, not even when the process ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


class ModelLock(AbstractContextManager[None]):
    """Held by one thread at a time, which may take it again. It is free in a forked process, whoever had it before."""

    def __init__(self) -> None:
        self.after_fork()
        ready_after_fork(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def after_fork(self) -> None:
        """Forget who holds it: of the process's threads only one is left."""
        self._lock = threading.RLock()


def _after_fork() -> None:
    for value in list(_made):
        value.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class VectorCache:
    """Vectors of words, each computed once; emptied when CACHED_WORDS are there. Threads take turns.

    Args:
      compute: the vectors of some words, float32 [words, projection].
      lock: held meanwhile.
    """

    def __init__(self, compute: Callable[[list[str]], np.ndarray], lock: AbstractContextManager[object]) -> None:
        self._compute, self._lock = compute, lock
        self._vectors: dict[str, np.ndarray] = {}

    def of(self, words: Sequence[str]) -> np.ndarray:
        """The vectors of words, in order, float32 [words, projection]."""
        with self._lock:
            return self._of(words)

    def _of(self, words: Sequence[str]) -> np.ndarray:
        new = sorted({word for word in words if word not in self._vectors})
        if new:
            if len(self._vectors) + len(new) > CACHED_WORDS:
                self._vectors.clear()
                new = sorted(set(words))
            for begin in range(0, len(new), SPELLED_WORDS):
                some = new[begin : begin + SPELLED_WORDS]
                self._vectors.update(zip(some, self._compute(some), strict=True))
        return np.stack([self._vectors[word] for word in words])


class Turns(AbstractContextManager[None]):
    """Held by one thread at a time; who waited longest comes next."""

    def __init__(self) -> None:
        self._guard, self._taken = threading.Lock(), False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        mine.wait()

    def __exit__(self, *_error: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


class GoneError(Exception):
    """Nobody waits for the answer any more."""


class SharedModel:
    """A `LanguageModel` that takes a turn for every call, so that an engine's step is never kept waiting by more than one.

    Args:
      gone: whether to give up, asked before every call.
    """

    def __init__(self, model: LanguageModel, turns: Turns, gone: Callable[[], bool]) -> None:
        self._model, self._turns, self._gone = model, turns, gone
        self.vocabulary, self.files, self.precision = model.vocabulary, model.files, model.precision

    def start(self, rows: int = 1) -> State:
        return self._model.start(rows)

    def hidden(self, state: State) -> np.ndarray:
        return self._model.hidden(state)

    def advance(self, state: State, words: Sequence[str]) -> State:
        with self._turn():
            return self._model.advance(state, words)

    def logits(self, state: State) -> np.ndarray:
        with self._turn():
            return self._model.logits(state)

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        with self._turn():
            return self._model.logits_of(hidden)

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        parts = self._model.logits_in_parts(hidden)
        while True:
            with self._turn():
                part = next(parts, None)
            if part is None:
                return
            yield part

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        with self._turn():
            return self._model.vectors(words)

    def _turn(self) -> Turns:
        if self._gone():
            raise GoneError
        return self._turns
