import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lmgen.bench.contenders import PREFIX, Engine, Program2016, sentences, zipfian_text
from lmgen.bench.events import Measured
from lmgen.bench.original import Original
from lmgen.bench.rounds import (
    BANDWIDTH,
    COLD,
    MACHINE,
    PEAK,
    PREFIX_WORDS,
    SHARE,
    TASKS,
    WARM,
    Plan,
    figures,
    fitting_groups,
    forget,
    in_rounds,
)
from lmgen.bench.workers import Task, Worker
from lmgen.engines.litert_files import beside, cached
from lmgen.errors import DeviceError, MissingError, UsageError
from lmgen.store.library import find


def test_contenders_take_turns_in_every_round(all_converted_folder):
    names, model = ("litert:fast", "original"), str(all_converted_folder)

    measured = [event for event in in_rounds(model, [names], Plan(2, 0)) if isinstance(event, Measured)]

    assert {(one.contender, one.measure) for one in measured} == {
        (MACHINE, BANDWIDTH),
        *((name, measure) for name in names for measure in (*TASKS, SHARE)),
    }
    assert all(one.value > 0 for one in measured)
    order = [(one.round, one.contender) for one in measured if one.measure == PREFIX_WORDS]
    assert order == [(0, "litert:fast"), (0, "original"), (1, "original"), (1, "litert:fast")]
    assert multiprocessing.active_children() == []


def test_ratios_are_medians_over_rounds_that_both_were_in():
    speeds = {"original": [1, 2, 4], "fast": [10, 40, 40]}
    measured = [
        Measured(name, "words/s, 1 text", number, value)
        for name, values in speeds.items()
        for number, value in enumerate(values)
    ]

    original, fast = figures(measured)

    assert (original.median, original.ratio) == (2, 1)
    assert (fast.count, fast.mean, fast.sd, fast.median, fast.ratio) == (3, 30, pytest.approx(300**0.5), 40, 10)


@pytest.mark.parametrize("measure", [WARM, COLD, PEAK])
def test_less_time_or_memory_is_so_many_times_better(measure):
    _, fast = figures([Measured("original", measure, 0, 12.0), Measured("fast", measure, 0, 3.0)])

    assert (fast.ratio, fast.sd) == (4, None)


def test_contenders_that_do_not_fit_together_meet_the_first_alone():
    peaks = {"original": 9 << 30, "session": 6 << 30, "torch": 5 << 30}

    assert fitting_groups(peaks, 21 << 30) == [("original", "session", "torch")]
    assert fitting_groups(peaks, 16 << 30) == [("original", "session"), ("original", "torch")]
    with pytest.raises(DeviceError, match=r"original and session take 16\.6 GB together, 15\.0 are free"):
        fitting_groups(peaks, int(15e9))


def test_what_a_worker_raises_is_raised_by_its_owner(tmp_path):
    with pytest.raises(MissingError):
        Worker(str(tmp_path / "absent"), "session")


def test_a_worker_that_is_killed_is_told_of(all_converted_folder):
    worker = Worker(str(all_converted_folder), "litert:fast")
    [process] = multiprocessing.active_children()
    process.kill()

    with pytest.raises(DeviceError, match="litert:fast was ended by the system"):
        worker.rate(Task("read"), 0)
    worker.close()


def test_a_text_is_the_same_every_time_and_as_long_as_wanted(tiny_model):
    text = zipfian_text(tiny_model.vocabulary, 30)

    assert text == zipfian_text(tiny_model.vocabulary, 30)
    assert [len(sentence) for sentence in sentences(text, 50)] == [20, 20, 10]
    assert set(text) <= set(tiny_model.vocabulary.words)


def test_work_is_counted_in_words(tiny_model):
    engine = Engine(tiny_model, 0)

    assert (engine.read(5), engine.write(3, rows=2), engine.score(40)) == (6, 6, 42)


def test_the_original_reads_its_prefix_once(tiny_folder, monkeypatch):
    """Else a turn of few words, which is all it manages, would be one of the prefix."""
    runs, read_on = [], Original.read_on
    monkeypatch.setattr(Original, "read_on", lambda self, word: runs.append(word) or read_on(self, word))
    original = Program2016(find(str(tiny_folder)))

    done = [original.write(words, rows=1) for words in (1, 3)]
    first = runs[: 1 + len(PREFIX)]

    assert done == [1, 3]
    assert first == ["<S>", *PREFIX]
    assert len(runs) == len(first) + 3


@pytest.fixture
def converted_twice(all_converted_folder, tmp_path):
    """A model with files of one precision beside it, and of another in the cache."""
    files = find(str(shutil.copytree(all_converted_folder, tmp_path / "model")))
    shutil.move(beside(files, "exact"), cached(files, "exact"))
    shutil.rmtree(beside(files, "float32"))
    return files


def test_all_files_of_a_model_are_dropped_from_the_page_cache_and_nothing_else(converted_twice, tmp_path, monkeypatch):
    """Else its cold start would be measured warm."""
    (tmp_path / "another model").mkdir()
    (tmp_path / "another model" / "file").write_text("stays in the cache")
    told, advise = [], os.posix_fadvise

    def record(descriptor, *advice):
        told.append((Path(f"/proc/self/fd/{descriptor}").resolve(), advice))
        advise(descriptor, *advice)

    monkeypatch.setattr(os, "posix_fadvise", record)
    folders = converted_twice.folder, cached(converted_twice, "exact")
    before = {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    forget(converted_twice)

    assert {"ckpt-lstm", "vectors.tflite", "norms.npy"} <= {path.name for path in before}
    assert sorted(told) == [(path, (0, 0, os.POSIX_FADV_DONTNEED)) for path in sorted(before)]
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("plan", [(0, 1.0), (1, -1.0), (1, np.nan)])
def test_a_plan_that_measures_nothing_is_refused(plan):
    with pytest.raises(UsageError):
        Plan(*plan)
