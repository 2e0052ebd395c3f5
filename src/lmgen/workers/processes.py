"""Workers that are processes of this machine."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lmgen.child import deaf_to_interrupts, end_with_parent
from lmgen.scoring import Sentence
from lmgen.workers.jobs import Task
from lmgen.workers.pool import WorkerLostError


class LocalWorker:
    """A process of its own: one of several in an executor would end the others with it."""

    def __init__(self, task: Task) -> None:
        self._task, self._executor = task, _executor()
        with deaf_to_interrupts():
            self._executor.submit(os.getpid)  # it starts now

    def do(self, sentences: Sequence[Sentence]) -> Any:
        """Do the task. Raises WorkerLostError, and what the task raises."""
        try:
            return self._executor.submit(self._task, sentences).result()
        except BrokenProcessPool as error:
            self._executor = _executor()
            raise WorkerLostError("a worker was ended by the system (killed, or out of memory)") from error

    def close(self) -> None:
        """End the process."""
        for process in list((self._executor._processes or {}).values()):
            process.kill()
        self._executor.shutdown(wait=False, cancel_futures=True)


class ThisProcess:
    """The only worker, in the process that reads and writes."""

    def __init__(self, task: Task) -> None:
        self.do: Callable[[Sequence[Sentence]], Any] = task

    def close(self) -> None:
        """There is nothing to end."""


def _executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _live_with_parent)


def _live_with_parent() -> None:
    """Ctrl-C is for the parent; if that is killed, this process ends too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
