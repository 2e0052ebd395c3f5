"""Workers of a real Ray cluster on this machine."""

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from lmgen.checkpoint.folder import open_folder
from lmgen.engines import EngineOptions
from lmgen.engines.litert_files import fingerprint
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.scoring.writers import NoRows
from lmgen.workers.cluster import LOCAL, AbsentError, here, ray_workers
from lmgen.workers.jobs import ScoreTexts, Task
from lmgen.workers.pool import Pool
from lmgen.workers.shards import shards_of

from conftest import load

pytest.importorskip("ray")

from ray import cloudpickle

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no worker can import a test

SENTENCES = [Sentence(["the", "cat", f"word{number}"], place=f"line {number}") for number in range(40)]


@dataclass(frozen=True)
class DiesOnce:
    """Scores sentences; the first time that it comes to a certain one, its process is killed."""

    job: ScoreTexts
    died: Path

    def __call__(self, model, sentences):
        if sentences[0].words[-1] == "word12" and not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.job(model, sentences)


@pytest.fixture
def task(all_converted_folder):
    return Task(ScoreTexts(Scoring(), NoRows()), open_folder(all_converted_folder), EngineOptions(precision="float32"))


def test_a_cluster_scores_as_one_process_does_though_a_worker_is_killed_and_lacks_the_model(
    task, all_converted_folder, tmp_path, capfd
):
    reports = []
    absent = replace(task.files, folder=tmp_path / "absent", graph=tmp_path / "absent" / "graph")
    with ray_workers(replace(task, job=DiesOnce(task.job, tmp_path / "died")), 2, LOCAL) as workers:
        pool = Pool(workers, reports.append)
        parts = [made for _, made in pool.in_order(shards_of(SENTENCES, 1), lambda w, s: w.do(s.sentences))]
        workers[0].model.share()
        received = here(absent, workers[0].model.fingerprint, workers[0].model.shared)

    found = [logprob for part in parts for logprob, *_ in part.sums]
    expected = [scored.logprobs.sum() for scored in score_sentences(load(all_converted_folder), SENTENCES)]
    assert np.array_equal(found, expected)
    assert reports == ["line 12 is done again: a worker of the cluster ended"]
    assert fingerprint(received) == fingerprint(task.files)
    assert load(received.folder, "litert").precision == "float32"
    assert capfd.readouterr().out == ""


def test_a_machine_without_the_model_asks_for_it(task, tmp_path):
    with pytest.raises(AbsentError):
        here(replace(task.files, folder=tmp_path), fingerprint(task.files), None)


def test_a_model_of_the_same_path_and_other_contents_is_not_taken(task, mini_folder):
    with pytest.raises(AbsentError):
        here(open_folder(mini_folder), fingerprint(task.files), None)


def test_no_cluster_is_one_line(lmgen, all_converted_folder, tmp_path):
    (tmp_path / "a.txt").write_text("the cat\n")
    refused = lmgen("score", tmp_path / "a.txt", "-m", all_converted_folder, "--ray=127.0.0.1:1")

    assert refused.exit_code == 6
    assert refused.err.startswith("lmgen: there is no Ray cluster at 127.0.0.1:1")
    assert refused.err.count("\n") == 1
