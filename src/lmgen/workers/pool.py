"""Several workers, what they make in the order of the shards, and what happens when one of them ends."""

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from lmgen.errors import LmgenError
from lmgen.scoring import Sentence
from lmgen.workers.shards import Shard

Made = TypeVar("Made")

TRIES = 3
"""How often a shard is begun, at most."""
AHEAD = 4
"""Shards for each worker that wait, are worked on, or are done before their turn comes."""


class WorkerLostError(Exception):
    """The process that worked on a shard has gone: killed, out of memory, or with its machine."""


class Worker(Protocol):
    """Something that does a task, on one shard at a time."""

    def do(self, sentences: Sequence[Sentence]) -> Any:
        """Do it. Raises WorkerLostError if the process is no more; the next call has a new one."""

    def close(self) -> None:
        """End the process, even while it works."""


class Failed:
    """A shard that could not be done, and why."""

    def __init__(self, shard: Shard, cause: Exception) -> None:
        self.shard, self.cause = shard, cause

    def __str__(self) -> str:
        return f"{self.shard.place} ({self.reason})"

    @property
    def reason(self) -> str:
        """What the exception says, or its name."""
        return str(self.cause) or type(self.cause).__name__


class FailedShardsError(LmgenError):
    """Shards that could not be done, however often they were tried; all others were."""

    def __init__(self, failed: "Sequence[Failed] | str") -> None:
        if not isinstance(failed, str):
            what = "1 shard" if len(failed) == 1 else f"{len(failed)} shards"
            failed = f"{what} failed {TRIES} times: {', '.join(map(str, failed))}"
        super().__init__(failed)


class Pool:
    """Workers that share the shards among them.

    Args:
      report: gets a line about each try that failed and will be made again.
    """

    def __init__(self, workers: Sequence[Worker], report: Callable[[str], object] = lambda _: None) -> None:
        self._workers, self._report, self._closed = workers, report, False
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._idle.put(worker)

    def in_order(
        self, shards: Iterable[Shard], make: Callable[[Worker, Shard], Made]
    ) -> Iterator[tuple[Shard, Made | Failed]]:
        """Each shard with what was made of it, in order; no more than AHEAD shards a worker are in memory.

        Args:
          make: has a worker do a shard; it runs in a thread.
        """
        waiting: deque[tuple[Shard, Future[Made | Failed]]] = deque()
        threads = ThreadPoolExecutor(len(self._workers))
        try:
            for shard in shards:
                waiting.append((shard, threads.submit(self._tried, shard, make)))
                if len(waiting) >= AHEAD * len(self._workers):
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
        finally:
            self.close()
            threads.shutdown(cancel_futures=True)

    def close(self) -> None:
        """End the workers: what they are at is given up."""
        self._closed = True
        for worker in self._workers:
            worker.close()

    def _tried(self, shard: Shard, make: Callable[[Worker, Shard], Made]) -> Made | Failed:
        worker = self._idle.get()
        try:
            for left in reversed(range(TRIES)):
                try:
                    return make(worker, shard)
                except LmgenError:  # it would be the same again
                    raise
                except Exception as error:  # noqa: BLE001 (of whatever kind: the other shards are to be done)
                    failed = Failed(shard, error)
                if self._closed:
                    break
                if left:
                    self._report(f"{shard.place} is done again: {failed.reason}")
            return failed
        finally:
            self._idle.put(worker)


def _first(waiting: deque[tuple[Shard, "Future[Made | Failed]"]]) -> tuple[Shard, Made | Failed]:
    shard, made = waiting.popleft()
    return shard, made.result()


class Alone:
    """No other process: each shard is done where it is asked for."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def in_order(
        self, shards: Iterable[Shard], make: Callable[[Worker, Shard], Made]
    ) -> Iterator[tuple[Shard, Made | Failed]]:
        """Each shard with what was made of it, in order."""
        return ((shard, make(self._worker, shard)) for shard in shards)
