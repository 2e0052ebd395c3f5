"""Measure the engines of a model, and what they are compared with, in turns.

First each contender is started by itself, with the model's files out of the page cache and then in it: the
seconds to its first word, and its memory. Then all stay loaded, and in every round each has a turn at every
task, so that ratios within a round survive whatever else the machine does meanwhile.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from lmgen.bench.contenders import PREFIX, RIVALS
from lmgen.bench.events import Apart, Begun, Measured
from lmgen.bench.workers import Task, Worker
from lmgen.checkpoint import ModelFiles
from lmgen.engines import PRECISIONS, find_converted
from lmgen.errors import DeviceError, LmgenError, UsageError
from lmgen.store import find

PREFIX_WORDS, SCORED_WORDS = "prefix words/s", "scored words/s"
WRITTEN = {1: "words/s, 1 text", 8: "words/s, 8 texts", 32: "words/s, 32 texts"}
COLD, WARM, PEAK = "seconds to first word, cold", "seconds to first word", "peak memory, MB"
SHARE, BANDWIDTH = "% of the memory's speed", "memory, GB/s"
TASKS = {
    PREFIX_WORDS: Task("read"),
    **{measure: Task("write", rows) for rows, measure in WRITTEN.items()},
    SCORED_WORDS: Task("score"),
}
MEASURES = (*TASKS, SHARE, WARM, COLD, PEAK, BANDWIDTH)
LESS_IS_BETTER, WITHOUT_RATIO = (WARM, COLD, PEAK), (SHARE, BANDWIDTH)
MACHINE = "machine"
"""Stands for a contender's name where the machine itself is measured."""
STARTS, START_SECONDS, START_WORDS = 3, 40, 8
"""How often each contender is started, cold and warm, unless that took so long; and words that it writes."""
PROBE = 512 << 20
"""Bytes that are read to see how fast memory is: far more than fit into a cache."""


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int = 5
    """1 <= rounds."""
    seconds: float = 1.0
    """A turn takes about so long. 0 <= seconds."""

    def __post_init__(self) -> None:
        if self.rounds < 1 or not 0 <= self.seconds < float("inf"):
            raise UsageError(f"rounds must be 1 or more and seconds 0 or more, not {self.rounds} and {self.seconds}")


def bench(model: str, names: Sequence[str], plan: Plan) -> Generator[Begun | Apart | Measured, None, None]:
    """Measure contenders, names of `contenders.ENGINES` and `RIVALS`; the first is what others are compared with.

    Raises DeviceError if there is too little memory for two of them.
    """
    peaks = yield from _starts(model, names, min(plan.rounds, STARTS))
    groups = fitting_groups(peaks, memory_free())
    if len(groups) > 1:
        yield Apart(names[0])
    yield from in_rounds(model, groups, plan)


def turns(names: Sequence[str], plan: Plan) -> int:
    """How many events `bench` yields if all contenders fit into memory together, about."""
    return 2 * len(names) * (min(plan.rounds, STARTS) * 2 + plan.rounds * len(TASKS))


# Starts ---------------------------------------------------------------------------------------


def _starts(model: str, names: Sequence[str], times: int) -> Generator[Begun | Measured, None, dict[str, int]]:
    """Start all contenders in turn, so many times; returns the most memory that each had, in bytes."""
    peaks, spent = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0)
    for number in range(times):
        for name in (name for name in names if spent[name] < START_SECONDS):
            began = time.perf_counter()
            for event in _start(model, name, number):
                yield event
                if isinstance(event, Measured) and event.measure == PEAK:
                    peaks[name] = max(peaks[name], int(event.value * 1e6))
            spent[name] += time.perf_counter() - began
    return peaks


def _start(model: str, name: str, number: int) -> Iterator[Begun | Measured]:
    """Start a contender twice: with the model's files out of the page cache, where the system allows it, and in it."""
    start = _start_rival if name in RIVALS else _start_engine
    if hasattr(os, "posix_fadvise"):
        yield Begun(name, COLD, number)
        forget(find(model))
        yield Measured(name, COLD, number, start(model, name)[0])
    yield Begun(name, WARM, number)
    seconds, peak = start(model, name)
    yield Measured(name, WARM, number, seconds)
    yield Measured(name, PEAK, number, peak / 1e6)


def _start_rival(model: str, name: str) -> tuple[float, int]:
    """(seconds to the first word, peak of memory in bytes) of a process of its own."""
    began = time.perf_counter()
    with contextlib.closing(Worker(model, name)) as worker:
        worker.do(Task("write"), 1)
        seconds = time.perf_counter() - began
        worker.do(Task("write"), START_WORDS)
        return seconds, worker.peak()


def _start_engine(model: str, name: str) -> tuple[float, int]:
    """(seconds to the first word, peak of memory in bytes) of `lmgen complete`."""
    engine, _, precision = name.partition(":")
    options = ["--engine", engine, *(["--precision", precision] if precision else [])]
    length = ["--no-echo", "--ignore-eos", "--seed", "1", "--max-words", str(START_WORDS)]
    command = [sys.executable, "-m", "lmgen", "complete", " ".join(PREFIX), "-m", model, *options, *length]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LMGEN_COMPLETE_")}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        out, err = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
        out.read(1)
        seconds = time.perf_counter() - began
        out.read()
        printed = err.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)  # not process.wait(), which does not report memory
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LmgenError(f"{name} failed: {' '.join(printed.splitlines()[-1:])}")
    return seconds, usage.ru_maxrss * 1024


def forget(files: ModelFiles) -> None:
    """Let the system drop a model's files, converted ones too, from its page cache."""
    found = [find_converted(files, precision) for precision in PRECISIONS]
    folders = {files.folder, *(converted.memory.parent for converted in found if converted)}
    for path in (path for folder in folders for path in folder.iterdir() if path.is_file()):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# Rounds ---------------------------------------------------------------------------------------


def memory_free() -> int:
    """Bytes that processes can have; files in the page cache make way for them."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise DeviceError("/proc/meminfo does not say how much memory is free")


def fitting_groups(peaks: dict[str, int], free: int) -> list[tuple[str, ...]]:
    """Contenders that are loaded at the same time: all, or else the first with each of the others.

    `peaks` and `free` are in bytes. Raises DeviceError if two of them do not fit.
    """
    first, *others = peaks
    if sum(peaks.values()) + PROBE <= free or not others:
        return [tuple(peaks)]
    for other in others:
        if (needed := peaks[first] + peaks[other] + PROBE) > free:
            raise DeviceError(f"{first} and {other} take {needed / 1e9:.1f} GB together, {free / 1e9:.1f} are free")
    return [(first, other) for other in others]


def in_rounds(model: str, groups: list[tuple[str, ...]], plan: Plan) -> Iterator[Begun | Measured]:
    """All rounds of one group after the other; the first contender, which is in all of them, stays loaded."""
    first, probe = groups[0][0], Probe()
    yield Begun(first, "loading")
    with contextlib.closing(Worker(model, first)) as reference:
        for place, group in enumerate(groups):
            with contextlib.ExitStack() as stack:
                workers = {first: reference}
                for name in group[1:]:
                    yield Begun(name, "loading")
                    workers[name] = stack.enter_context(contextlib.closing(Worker(model, name)))
                for number in range(plan.rounds):
                    yield from _round(workers, probe, place * plan.rounds + number, plan)


def _round(workers: dict[str, Worker], probe: "Probe", number: int, plan: Plan) -> Iterator[Begun | Measured]:
    """Each contender has a turn at each task; another one begins in the next round."""
    order = list(workers)[number % len(workers) :] + list(workers)[: number % len(workers)]
    for measure, task in TASKS.items():
        if measure == WRITTEN[1]:
            speed = probe.speed()
            yield Measured(MACHINE, BANDWIDTH, number, speed / 1e9)
        for name in order:
            yield Begun(name, measure, number)
            rate = workers[name].rate(task, plan.seconds)
            yield Measured(name, measure, number, rate)
            if measure == WRITTEN[1]:
                yield Measured(name, SHARE, number, 100 * rate * workers[name].bytes_read / speed)


class Probe:
    """How fast all cores together read memory from one end to the other."""

    def __init__(self) -> None:
        cores = os.cpu_count() or 1
        self._parts = np.array_split(np.ones(PROBE // 8, np.int64), cores)
        self._pool = ThreadPoolExecutor(cores)

    def speed(self) -> float:
        """Bytes a second, the best of three."""
        return max(self._once() for _ in range(3))

    def _once(self) -> float:
        began = time.perf_counter()
        list(self._pool.map(np.bitwise_or.reduce, self._parts))  # as fast as memory gives it
        return PROBE / (time.perf_counter() - began)


# Figures --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """What one contender reached in one measure."""

    measure: str
    contender: str
    count: int
    mean: float
    sd: float | None
    """Of the single turns; None if there was only one."""
    median: float
    ratio: float | None
    """How many times better than the first contender: the median over rounds of both. None where it says nothing."""


def figures(measured: Sequence[Measured]) -> list[Figure]:
    """Sum up, measure by measure; the first contender that was measured is what others are compared with."""
    values: dict[tuple[str, str], dict[int, float]] = {}
    for one in measured:
        values.setdefault((one.measure, one.contender), {})[one.round] = one.value
    first = measured[0].contender if measured else ""
    ordered = sorted(values, key=lambda key: MEASURES.index(key[0]))  # contenders stay as they came
    return [_figure(*key, values[key], values.get((key[0], first), {})) for key in ordered]


def _figure(measure: str, contender: str, values: dict[int, float], reference: dict[int, float]) -> Figure:
    numbers = list(values.values())
    sd = statistics.stdev(numbers) if len(numbers) > 1 else None
    ratios = [value / reference[number] for number, value in values.items() if number in reference]
    ratio = statistics.median(ratios) if ratios and measure not in WITHOUT_RATIO else None
    better = 1 / ratio if ratio and measure in LESS_IS_BETTER else ratio
    return Figure(measure, contender, len(numbers), statistics.mean(numbers), sd, statistics.median(numbers), better)
