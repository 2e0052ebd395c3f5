"""Models by name: loaded when they are asked for, within a bound of memory."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import TypeVar

from lmgen.checkpoint import ModelFiles
from lmgen.engines import SharedModel
from lmgen.errors import LmgenError
from lmgen.model import LanguageModel
from lmgen.server.engine import Capacity, Engine
from lmgen.server.guard import Metrics
from lmgen.server.requests import RefusedError
from lmgen.server.tasks import BusyError, Event, Task

Found = TypeVar("Found")


@dataclass(frozen=True)
class Source:
    """Where a model comes from."""

    files: ModelFiles
    load: Callable[[ModelFiles], LanguageModel]

    @property
    def size(self) -> int:
        """Bytes of its checkpoint: what it takes in memory at most, but for what is computed."""
        return sum((self.files.folder / name).stat().st_size for name in self.files.names if name.startswith("ckpt-"))


@dataclass(eq=False)
class Served:
    """A model in memory, and the threads that work on it."""

    name: str
    model: LanguageModel
    engine: Engine
    size: int
    scoring: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "lmgen-scoring"))
    """Runs the library's scoring, a request after the other."""
    created: int = field(default_factory=lambda: int(time.time()))
    users: int = 0
    """Requests that are being answered."""
    used: float = 0.0
    waiting: int = 0
    """Requests that wait for `scoring`, and the one it works on."""

    @property
    def fingerprint(self) -> str:
        """Changes with what computes: the same seed writes the same words while it stays."""
        return f"lmgen-{version('lmgen')}-{self.model.precision}"

    async def scored(self, work: Callable[[LanguageModel], Found], gone: threading.Event) -> Found:
        """What the library's scoring finds, on a model that is shared with the engine.

        Args:
          gone: is set when nobody waits any more.
        """
        if self.waiting >= self.engine.capacity.queue:
            raise BusyError(f"{self.waiting} requests wait already: try again later")
        self.waiting += 1
        shared: LanguageModel = SharedModel(self.model, self.engine.turns, gone.is_set)
        try:
            return await asyncio.wrap_future(self.scoring.submit(partial(work, shared)))
        finally:
            gone.set()
            self.waiting -= 1

    def close(self) -> None:
        """End its threads."""
        self.scoring.shutdown(cancel_futures=True)
        self.engine.close()


class Models:
    """The models of a server; the first is the one for requests that name none.

    Args:
      memory: bytes of all loaded models' files at most; the one that was not used for longest makes place.
    """

    def __init__(self, sources: dict[str, Source], capacity: Capacity, memory: int, metrics: Metrics) -> None:
        self.sources, self._capacity, self._memory, self._metrics = sources, capacity, memory, metrics
        self.loaded: dict[str, Served] = {}
        self._loading = asyncio.Lock()

    @asynccontextmanager
    async def use(self, name: str | None) -> AsyncIterator[Served]:
        """A model, which stays loaded meanwhile. Raises RefusedError if there is none of this name."""
        name = name or next(iter(self.sources))
        if name not in self.sources:
            known = ", ".join(self.sources)
            raise RefusedError(404, f"there is no model {name!r} here: there is {known}", "model", "model_not_found")
        async with self._loading:
            served = self.loaded.get(name) or await self._load(name)
            served.users += 1
        try:
            yield served
        finally:
            served.users -= 1
            served.used = time.monotonic()

    async def _load(self, name: str) -> Served:
        source = self.sources[name]
        size = source.size
        await self._make_room(size)
        loop = asyncio.get_running_loop()

        def made() -> Served:
            model = source.load(source.files)
            return Served(name, model, Engine(model, self._capacity, self._metrics, partial(_post, loop)), size)

        try:
            served = self.loaded[name] = await asyncio.to_thread(made)
        except LmgenError as error:
            raise RefusedError(503, f"{name} cannot be loaded: {error}") from error
        self._count()
        return served

    async def _make_room(self, size: int) -> None:
        """Let models go until one of a size fits."""
        free = sorted((one for one in self.loaded.values() if not one.users), key=lambda one: one.used)
        while self.loaded and sum(one.size for one in self.loaded.values()) + size > self._memory:
            if not free:
                raise RefusedError(
                    503, "the models in memory are in use and leave no room for another: try again later"
                )
            oldest = free.pop(0)
            del self.loaded[oldest.name]
            await asyncio.to_thread(oldest.close)
        self._count()

    def _count(self) -> None:
        self._metrics.models.set(len(self.loaded))
        self._metrics.model_size.set(sum(one.size for one in self.loaded.values()))

    def close(self) -> None:
        """End all threads."""
        for served in self.loaded.values():
            served.close()


def _post(loop: asyncio.AbstractEventLoop, said: list[tuple[Task, Event]]) -> None:
    """Hand what an engine said to the loop's thread."""
    if said and not loop.is_closed():
        loop.call_soon_threadsafe(_tell, said)


def _tell(said: list[tuple[Task, Event]]) -> None:
    for task, event in said:
        task.listener(event)
