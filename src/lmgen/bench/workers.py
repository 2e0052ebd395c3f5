"""A contender in a process of its own, which stays loaded and takes orders by a pipe."""

import contextlib
import multiprocessing
import resource
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from lmgen.bench.contenders import Contender, open_contender
from lmgen.child import deaf_to_interrupts
from lmgen.errors import DeviceError


@dataclass(frozen=True)
class Task:
    """What to do with words."""

    kind: str
    """`read`, `write` or `score`."""
    rows: int = 1
    """Texts that are written side by side."""


class Worker:
    """The process, as its owner sees it. What it raises is raised here."""

    def __init__(self, model: str, name: str) -> None:
        self._name, context = name, multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, model, name), daemon=True)
        with deaf_to_interrupts():
            self._process.start()
        theirs.close()
        self.bytes_read: int = self._reply()

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    def rate(self, task: Task, seconds: float) -> float:
        """Words a second of a turn that takes about so long; before the first, it is warmed up."""
        return self._ask("rate", task, seconds)

    def do(self, task: Task, words: int) -> None:
        """Do the task once."""
        self._ask("do", task, words)

    def peak(self) -> int:
        """The most memory it has had so far, in bytes, pages of files among it."""
        return self._ask("peak")

    def _ask(self, *order: object) -> Any:
        try:
            self._pipe.send(order)
        except BrokenPipeError:
            pass  # the reply says why
        return self._reply()

    def _reply(self):
        try:
            reply = self._pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise DeviceError(
                f"{self._name} was ended by the system: most likely there is too little memory"
            ) from error
        if isinstance(reply, BaseException):
            raise reply
        return reply


class _Dispatcher:
    """What a worker does with its orders."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._words: dict[Task, int] = {}

    def do(self, task: Task, words: int) -> tuple[int, float]:
        """How many words were done, in how many seconds."""
        work, more = getattr(self._contender, task.kind), {"rows": task.rows} if task.kind == "write" else {}
        began = time.perf_counter()
        return work(words, **more), time.perf_counter() - began

    def rate(self, task: Task, seconds: float) -> float:
        if task not in self._words:
            self._words[task] = self._fitting(task, seconds)
        done, took = self.do(task, self._words[task])
        return done / took

    def peak(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def _fitting(self, task: Task, seconds: float) -> int:
        """Words that take so many seconds, once they have been spelled."""
        words = self._contender.least_scored if task.kind == "score" else 1
        self.do(task, words)
        while self.do(task, words)[1] < seconds:
            words *= 2
            self.do(task, words)
        return words


def _work(pipe: Connection, model: str, name: str) -> None:
    """The life of the process: it ends when its owner closes the pipe, or has gone."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            contender = open_contender(model, name)
            dispatcher = _Dispatcher(contender)
            pipe.send(contender.bytes_read)
            while True:
                method, *arguments = pipe.recv()
                pipe.send(getattr(dispatcher, method)(*arguments))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 (its owner raises it)
            pipe.send(error)
