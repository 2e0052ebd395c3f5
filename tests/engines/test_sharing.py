"""One model, used by threads, forked processes and processes of their own."""

import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import lmgen
from lmgen.api import LM
from lmgen.engines.litert_files import PRECISIONS
from lmgen.engines.sharing import GoneError, SharedModel, Turns
from lmgen.errors import UsageError

ENGINES = [*((f"litert:{precision}") for precision in PRECISIONS), "session"]
TEXTS = ["the cat sat", "zork", "the the the cat", "voilà", "sat cat the sat cat the"]


@pytest.fixture(scope="module", params=ENGINES)
def lm(request, all_converted_folder):
    engine, _, precision = request.param.partition(":")
    return lmgen.load(str(all_converted_folder), engine=engine, precision=precision or "float32")


def work(lm, number):
    """Something else for every number: samples, scores, next words, vectors."""
    words = [word for text in TEXTS for word in text.split()]
    return (
        lm.sample("the cat", seed=number, samples=1 + number % 4, max_words=8),
        lm.score(TEXTS[: 1 + number % len(TEXTS)]).tolist(),
        [entry.prob for entry in lm.next(words[number % len(words)], 3)],
        lm.model.vectors([*words[number % 5 :], f"new{number}"]).tolist(),
    )


def test_eight_threads_get_what_one_gets(lm):
    """Each call's numbers were once overwritten by those of other threads."""
    alone = [work(lm, number) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda number: work(lm, number), range(40)))

    assert alone == together


FORKED = """
import multiprocessing, os, sys
sys.path.insert(0, sys.argv[2])
from concurrent.futures import ThreadPoolExecutor
import lmgen
from test_sharing import work

lm = lmgen.load(sys.argv[1])
expected = [work(lm, number) for number in range(4)]

def again(number):
    return work(lm, number)

with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(again, range(4)) == expected, "a pool"
with ThreadPoolExecutor(1) as pool:
    busy = pool.submit(lambda: [work(lm, number) for number in range(20)])
    if not (child := os.fork()):
        os._exit(0 if work(lm, 2) == expected[2] else 1)
    assert os.waitpid(child, 0)[1] == 0, "while another thread predicts"
    busy.result()
if not os.fork():
    assert work(lm, 1) == expected[1], "by itself"
    sys.exit()  # as any other process: all that was loaded is taken apart
assert os.wait()[1] == 0, "the end"
"""


def test_forked_processes_compute_the_same_and_end(all_converted_folder):
    """They once waited for threads that had stayed in their parent."""
    command = [sys.executable, "-c", FORKED, str(all_converted_folder), str(Path(__file__).parent)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_pickled_model_is_loaded_again_by_its_name(lm):
    (samples, *numbers), (expected, *others) = work(pickle.loads(pickle.dumps(lm)), 3), work(lm, 3)

    assert samples == expected
    for one, other in zip(numbers, others, strict=True):  # the loaded one has spelled other words together before
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_a_model_that_was_not_loaded_by_name_cannot_be_pickled(tiny_model):
    with pytest.raises(UsageError, match=r"lmgen\.load"):
        pickle.dumps(LM(tiny_model))


def test_turns_go_to_those_who_waited_longest():
    turns, order, waiting = Turns(), [], []

    def work(number):
        with turns:
            order.append(number)

    with turns:
        for number in range(8):
            waiting.append(threading.Thread(target=work, args=[number]))
            waiting[-1].start()
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    for thread in waiting:
        thread.join()

    assert order == list(range(8))


def test_a_shared_model_computes_the_same_and_gives_up_when_nobody_waits(tiny_model):
    gone = []
    shared = SharedModel(tiny_model, Turns(), lambda: bool(gone))
    state = shared.advance(shared.start(2), ["the", "cat"])
    hidden = shared.hidden(state)

    assert (shared.logits(state) == tiny_model.logits(tiny_model.advance(tiny_model.start(2), ["the", "cat"]))).all()
    assert (np.concatenate(list(shared.logits_in_parts(hidden)), 1) == shared.logits_of(hidden)).all()
    assert (shared.vectors(["cat"]) == tiny_model.vectors(["cat"])).all()
    gone.append(True)
    with pytest.raises(GoneError):
        shared.logits(state)
