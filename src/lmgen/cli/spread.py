"""How the work of a command is spread: over processes of this machine, a Ray cluster, several runs."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from lmgen.checkpoint import ModelFiles, open_folder
from lmgen.cli.model_options import ModelChoice
from lmgen.cli.options import group
from lmgen.cli.progress import Watch
from lmgen.errors import UsageError
from lmgen.scoring import Sentence
from lmgen.text import visible
from lmgen.workers import (
    LARGEST,
    LOCAL,
    Alone,
    AnyJob,
    Failed,
    FailedShardsError,
    LocalWorker,
    Pool,
    Shard,
    Task,
    ThisProcess,
    Worker,
    ray_workers,
    shards_of,
)

MANY = 4
"""Cores that one process keeps as busy as several would."""
AUTO = "auto"


@dataclass(frozen=True)
class Spread:
    """Who does the work of a command."""

    workers: int | None
    """Processes, or Ray's actors; None for this process, or for as many actors as the cluster has CPUs."""
    ray: str | None = None
    """Address of a cluster."""
    resume: bool = False
    """Continue from the parts that an earlier run finished."""

    @property
    def several(self) -> bool:
        """Whether other processes do the work."""
        return self.ray is not None or self.workers not in (None, 1)

    @property
    def cuts(self) -> bool:
        """Whether the texts are cut into shards."""
        return self.several or self.resume

    def task(self, job: AnyJob, choice: ModelChoice, files: ModelFiles) -> Task[AnyJob]:
        """A job with its model; of several processes each has one thread, unless threads are asked for."""
        engine = choice.engine
        if self.several and not engine.placement.threads:
            engine = replace(engine, placement=replace(engine.placement, threads=1))
        return Task(job, open_folder(files.folder.resolve()), engine)

    def each(
        self,
        task: Task,
        sentences: Iterable[Sentence],
        watch: Watch,
        make: Callable[[Worker, Shard], Any] = lambda worker, shard: worker.do(shard.sentences),
        largest: int = LARGEST,
    ) -> Iterator[tuple[Shard, Any]]:
        """Each shard with what was made of it, in order. Raises FailedShardsError at the end, if there are any."""
        failed: list[Failed] = []
        with self._pool(task) as pool:
            found = pool.in_order(shards_of(sentences, largest), make)
            for shard, made in watch(found, sizes=lambda one: (len(one[0].sentences), one[0].words)):
                if isinstance(made, Failed):
                    failed.append(made)
                else:
                    yield shard, made
        if failed:
            raise FailedShardsError(failed)

    @contextmanager
    def _pool(self, task: Task) -> Iterator[Pool | Alone]:
        if self.ray:
            with ray_workers(task, self.workers, self.ray) as actors:
                yield Pool(actors, _tell)
        elif self.several:
            with closing(Pool([LocalWorker(task) for _ in range(self.workers or 1)], _tell)) as pool:
                yield pool
        else:
            yield Alone(ThisProcess(task))


def _tell(line: str) -> None:
    click.echo(visible(line), err=True)


class _Workers(click.ParamType):
    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == AUTO:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            return 1 if cores <= MANY else cores // 2
        return click.IntRange(1).convert(value, param, ctx)


def _spread(workers: int | None, ray: str | None, resume: bool = False) -> Spread:
    if ray and Path(ray).is_file():
        raise UsageError(f"--ray took {ray} for an address: write --ray=ADDRESS, or --ray after all files")
    return Spread(workers, ray, resume)


_WORKERS = (
    click.option(
        "--workers",
        type=_Workers(),
        help="Number of processes that share the work; auto is one for two cores, if there are more than four.  "
        "[default: this process alone]",
    ),
    click.option(
        "--ray",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value=LOCAL,
        help="Share the work out on a Ray cluster: HOST:PORT, auto for the one of this machine; "
        "without an address one is started here.",
    ),
)
WORKERS = group("spread", _spread, *_WORKERS)
"""Who does the work: a `Spread`."""
WORKERS_AND_RUNS = group(
    "spread",
    _spread,
    *_WORKERS,
    click.option(
        "--resume", is_flag=True, help="Keep finished parts beside FILE of -o, and continue from those that are there."
    ),
)
"""Who does the work, in one run or several: a `Spread`."""
