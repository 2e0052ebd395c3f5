"""The process that writes runs, as the one that generates sees it."""

import os
import pickle
import select
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from lmgen.board import launch
from lmgen.board.exchange import DONE, Arrival, Key, Orders, Slots
from lmgen.board.launch import BUFFER, Child
from lmgen.errors import MissingError
from lmgen.model import LanguageModel

PAUSE = 0.01
"""Words are handed over so many seconds apart: to wake another process takes as long as half a word."""


class _Asking:
    """What each method of `Orders` is here: to ask for it, by its name."""

    def __init__(self, ask: Callable[..., None]) -> None:
        self._ask = ask

    def __getattr__(self, method: str) -> Callable[..., None]:
        return partial(self._ask, method)


class Writer:
    """A process that writes runs as it is asked to, in order, and later than it is asked: see `Orders`.

    Every method may raise MissingError: it has ended, and cannot write.
    """

    def __init__(self) -> None:
        self._child: Child | None = None
        self._folder: Path | None = None
        self._runs = cast("Orders", _Asking(self._ask))
        self._forget()

    def _forget(self) -> None:
        """What a process that has just been started knows, and has been lent."""
        self._slots: Slots | None = None
        self._model: LanguageModel | None = None
        self._free: list[int] = []
        self._batch: list[int] = []
        self._lent: deque[list[int]] = deque()
        self._handed = 0.0
        self._answers = select.poll()

    def start(self, graph: Path | None = None) -> None:
        """Have the process run, if none does. It takes a while, in which one can do other things.

        Args:
          graph: a model's, to be read meanwhile.
        """
        if self._child:
            return
        self._forget()
        self._child = launch.take()
        self._answers.register(self._child.said, select.POLLIN)
        if graph:
            self._runs.read(graph)
            self._hand_over()

    def open(self, folder: Path, model: LanguageModel, options: dict[str, Any]) -> None:
        """A call begins, with a folder of its own."""
        self.start()
        self._folder = folder
        if model is not self._model:
            self._model = model
            self._runs.know(model.files.graph, model.vocabulary.lines.data)
        self._runs.describe(folder, options)

    def begin(self, key: Key, folder: Path, prefix: str, options: dict[str, Any], group: str) -> None:
        """A continuation begins: see `Orders.begin`."""
        self._runs.begin(key, folder, prefix, options, group)

    def add(self, key: Key, word: str, logprob: float, logits: np.ndarray, histograms: dict[str, np.ndarray]) -> None:
        """A continuation's next word.

        Args:
          logprob: natural logarithm of its probability by `logits`.
          logits: the model's own before the word, float32 [softmax rows]; they are copied.
          histograms: numbers, float32 of any shape, by the tags of their histograms.
        """
        slots = self._shared(len(logits))
        while not self._free:
            self._take_back()
        slots.put(slot := self._free.pop(), logits)
        self._runs.add(key, Arrival(slot, time.monotonic(), word, logprob, histograms))
        self._batch.append(slot)
        if time.monotonic() > self._handed + PAUSE or 2 * len(self._batch) >= len(slots):
            self._hand_over()

    def end(self, key: Key) -> None:
        """A continuation is complete."""
        self._runs.end(key)

    def finish(self) -> None:
        """Wait until all files are whole. Another call may follow."""
        if self._child:
            self._runs.close()
            self._settle()

    def close(self) -> None:
        """End the process, if one runs; it makes its files whole first."""
        if self._child:
            failed, said = self._end()
            if failed:
                raise self._trouble(said)

    def _shared(self, rows: int) -> Slots:
        """The slots for so many logits, shared again where they were for others."""
        if self._slots is not None and self._slots.rows == rows:
            return self._slots
        if self._slots is not None:
            self._settle()
        try:
            self._slots = Slots(self._process.memory, rows)
        except OSError as error:
            raise self._trouble(f"{error.strerror}, for the memory that both processes share") from error
        self._free = list(range(len(self._slots)))
        self._runs.share(rows)
        return self._slots

    @property
    def _process(self) -> Child:
        if self._child is None:
            raise self._trouble("")
        return self._child

    def _ask(self, method: str, *arguments: Any) -> None:
        """Have a method of the process's `Orders` called, at some time."""
        try:
            pickle.dump((method, *arguments), self._process.orders, pickle.HIGHEST_PROTOCOL)
        except BrokenPipeError:
            raise self._failure() from None

    def _hand_over(self) -> None:
        """What was asked is to be done now, and is answered with a byte then."""
        self._runs.flush()
        try:
            self._process.orders.flush()
        except BrokenPipeError:
            raise self._failure() from None
        self._lent.append(self._batch)
        self._batch, self._handed = [], time.monotonic()
        while self._answers.poll(0):  # what was used last is in the processor's cache yet
            self._take_back()

    def _settle(self) -> None:
        """Wait until all is done."""
        self._hand_over()
        while self._lent:
            self._take_back()

    def _take_back(self) -> None:
        """Wait until a batch is done: its slots are free again."""
        answers = os.read(self._process.said.fileno(), BUFFER)
        said = answers.lstrip(DONE)
        for _ in range(len(answers) - len(said)):
            self._free += self._lent.popleft()
        if said or not answers:
            raise self._failure(said.decode())

    def _end(self) -> tuple[bool, str]:
        """Whether the process failed, and what it said."""
        ended, self._child = self._process, None
        failed, said = ended.close()
        return failed, said.lstrip(DONE).decode()

    def _failure(self, said: str = "") -> MissingError:
        """The error to raise: the process has failed. It is ended; the message has what it said."""
        return self._trouble(said + self._end()[1])

    def _trouble(self, said: str) -> MissingError:
        return MissingError(f"cannot write into {self._folder}: {said or 'the writing process has ended'}")
