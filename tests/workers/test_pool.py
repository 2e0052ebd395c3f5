"""Shards done by real processes, some of which die."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from lmgen.errors import UsageError
from lmgen.scoring.score import Sentence
from lmgen.workers.pool import AHEAD, Failed, Pool
from lmgen.workers.processes import LocalWorker
from lmgen.workers.shards import shards_of


@dataclass(frozen=True)
class Task:
    """Joins the words, and meets with an accident at some of them."""

    folder: Path

    def __call__(self, sentences):
        words = [word for sentence in sentences for word in sentence.words]
        if "die" in words or ("die-once" in words and not (self.folder / "died").exists()):
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "memory" in words:
            raise MemoryError
        if "refuse" in words:
            raise UsageError("so not")
        return " ".join(words)


def run(tmp_path, *texts, workers=2):
    """What becomes of texts, a shard each, and what is reported meanwhile."""
    given = [Sentence(text.split(), place=f"line {number}") for number, text in enumerate(texts, 1)]
    reports = []
    pool = Pool([LocalWorker(Task(tmp_path)) for _ in range(workers)], reports.append)
    found = list(pool.in_order(shards_of(given, 1), lambda worker, shard: worker.do(shard.sentences)))
    return [str(made) if isinstance(made, Failed) else made for _, made in found], reports


def test_results_come_in_order(tmp_path):
    texts = [f"word{number}" for number in range(20)]

    assert run(tmp_path, *texts) == (texts, [])


def test_a_killed_worker_is_replaced_and_its_shard_done_again(tmp_path):
    made, reports = run(tmp_path, "a", "b", "die-once", "c", "d")

    assert made == ["a", "b", "die-once", "c", "d"]
    assert reports == ["line 3 is done again: a worker was ended by the system (killed, or out of memory)"]


def test_a_shard_that_fails_three_times_is_named_and_the_rest_is_finished(tmp_path):
    made, reports = run(tmp_path, "a", "die", "memory", "b")

    assert made == [
        "a",
        "line 2 (a worker was ended by the system (killed, or out of memory))",
        "line 3 (MemoryError)",
        "b",
    ]
    assert len(reports) == 4


def test_what_would_be_refused_again_ends_all(tmp_path):
    with pytest.raises(UsageError, match="so not"):
        run(tmp_path, "a", "refuse", "b")


def test_shards_are_read_as_they_are_needed(tmp_path):
    taken = []

    def given():
        for number in range(100):
            taken.append(number)
            yield Sentence([f"word{number}"])

    pool = Pool([LocalWorker(Task(tmp_path))])
    found = pool.in_order(shards_of(given(), 1), lambda worker, shard: worker.do(shard.sentences))
    next(found)

    assert len(taken) <= AHEAD + 1
    found.close()


def test_an_end_before_the_end_leaves_no_process(tmp_path):
    worker = LocalWorker(Task(tmp_path))
    found = Pool([worker]).in_order(shards_of([Sentence(["a"]), Sentence(["b"])], 1), lambda w, s: w.do(s.sentences))
    next(found)
    [process] = worker._executor._processes.values()
    found.close()
    process.join(10)

    assert not process.is_alive()
