"""The engine: texts of many clients in one batch, each answered as if it were alone."""

import queue
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from lmgen.errors import LmgenError, UsageError
from lmgen.generation.constraints import Constraints
from lmgen.generation.events import Ended, Word
from lmgen.generation.generate import generate_all
from lmgen.generation.options import Generation
from lmgen.generation.sampling import Sampling
from lmgen.model import read
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.server.engine import Capacity, Engine
from lmgen.server.guard import Metrics
from lmgen.server.tasks import BusyError, Done, Scores, Task, Vector

from conftest import load

DRAWN = Generation(samples=3, max_words=12, seed=5)
TEXTS = [("The", "old", "man"), (), ("It", "was"), ("Zaphod", "said", "</S>", "She"), ("He",) * 40]


@pytest.fixture(scope="module")
def model():
    return load("mini", precision="fast")


@pytest.fixture
def start(model):
    engines = []

    def started(**capacity):
        engines.append(Engine(model, Capacity(**capacity), Metrics(), deliver))
        return engines[-1]

    yield started
    for engine in engines:
        engine.close()


def deliver(said):
    for task, event in said:
        task.told(event)


def ask(engine, tasks):
    """Events of each task, once all are done."""
    heard = [queue.Queue() for _ in tasks]
    for task, place in zip(tasks, heard, strict=True):
        task.told = place.put
    engine.submit(tasks)
    return [list(iter_until_done(place)) for place in heard]


def iter_until_done(heard):
    while not isinstance(event := heard.get(timeout=60), Done):
        yield event
    if event.error:
        raise event.error


def task(words, options=None, **wanted):
    return Task(words, options, **wanted, listener=print)


def written(model, words, options, number=0):
    """What the library writes of a text, by itself."""
    prompts = [([], replace(options, samples=1, max_words=1))] * number + [(list(words), options)]
    return [event for event in generate_all(model, prompts) if event.prompt == number]


def in_order(events):
    return sorted(events, key=lambda event: (event.sample, isinstance(event, Ended), event.index))


def test_what_is_written_is_what_the_library_writes(model, start):
    answers = ask(start(), [task(words, DRAWN) for words in TEXTS])

    for words, events in zip(TEXTS, answers, strict=True):
        assert in_order(events) == in_order(written(model, words, DRAWN))


def test_an_answer_is_the_same_alone_or_among_others(start):
    options = replace(DRAWN, sampling=Sampling(temperature=0.8, top_p=0.9), alternatives=3)
    alone = ask(start(prefixes=0), [task(TEXTS[0], options)])[0]
    others = [task(words, replace(DRAWN, seed=seed)) for seed in range(8) for words in TEXTS]

    among = ask(start(rows=7, prefixes=0), [*others[:20], task(TEXTS[0], options), *others[20:]])[20]

    assert in_order(among) == in_order(alone)


def test_the_number_of_a_prompt_is_part_of_its_seed(model, start):
    [events] = ask(start(), [task(("It",), DRAWN, number=2)])

    assert in_order(events) == in_order(written(model, ("It",), DRAWN, number=2))


def test_words_of_a_prompt_have_the_scores_of_the_library(model, start):
    words = ("Zaphod", "said", "it", ".")
    [scored] = score_sentences(model, [Sentence(words)], Scoring(end=False))
    tasks = [task(words, scored=2)] + [task(("The", "cat") * 50, scored=0) for _ in range(5)]

    [scores] = ask(start(), tasks)[0]

    assert isinstance(scores, Scores)
    assert np.abs(np.array(scores.logprobs) - scored.logprobs).max() < 1e-6
    assert [len(best) for best in scores.alternatives] == [2] * 4


def test_the_best_alternative_has_the_score_of_its_word(model, start):
    [[scores]] = ask(start(), [task(("The", "president", "of", "the"), scored=30_000)])

    for logprob, best in zip(scores.logprobs, scores.alternatives, strict=True):
        assert logprob in dict(best).values()
        assert np.exp([value for _, value in best]).sum() == pytest.approx(1, abs=1e-4)


def test_a_vector_is_the_hidden_state_after_the_text(model, start):
    [[vector]] = ask(start(), [task(("The", "cat"), vector=True)])

    assert isinstance(vector, Vector)
    assert (vector.hidden == model.hidden(read(model, ["The", "cat"]).state)[0]).all()


def test_a_text_that_continues_another_is_read_from_there(model, start):
    engine, text = start(), ("He",) * 30
    ask(engine, [task(text, DRAWN)])
    before = count(engine, "lmgen_words_read_total")

    [events] = ask(engine, [task((*text, "was"), DRAWN)])

    assert count(engine, "lmgen_words_read_total") - before == 1
    assert in_order(events) == in_order(written(model, (*text, "was"), DRAWN))


def test_the_prefix_cache_stays_within_its_bytes(start):
    engine = start(prefixes=50_000)

    ask(engine, [task((str(number),), vector=True) for number in range(100)])

    assert 0 < count(engine, "lmgen_prefix_cache_bytes") <= 50_000


def count(engine, name):
    return engine.metrics.registry.get_sample_value(name)


def test_constraints_that_leave_nothing_are_told_to_their_client_alone(start):
    engine = start()
    wrong = task(("It",), replace(DRAWN, constraints=Constraints(starts_with="qqqqq")))
    stuck = task(("It",), replace(DRAWN, sampling=Sampling(no_repeat_ngram=1), constraints=Constraints(allow=("a",))))
    stuck.options = replace(stuck.options, constraints=Constraints(allow=("a",), ignore_end=True))
    heard = queue.Queue()
    good = task(("It",), DRAWN)
    for one, told in ((wrong, queue.Queue()), (stuck, queue.Queue()), (good, heard)):
        one.told = told.put
        engine.submit([one])
    with pytest.raises(UsageError, match="leave no word"):
        list(iter_until_done(wrong.told.__self__))
    with pytest.raises(UsageError, match="leave no word"):
        list(iter_until_done(stuck.told.__self__))

    assert len([event for event in iter_until_done(heard) if isinstance(event, Ended)]) == 3


def test_more_than_may_wait_is_refused(start):
    engine = start(queue=4)

    with pytest.raises(BusyError):
        engine.submit([task(("It",), DRAWN), task(("It",), DRAWN)])


def test_a_client_that_is_gone_frees_its_rows(start):
    engine = start(rows=2)
    endless = Generation(samples=2, max_words=10**9, constraints=Constraints(ignore_end=True))
    one = task(("It",), endless)
    began = threading.Event()
    one.told = lambda event: began.set()
    engine.submit([one])
    began.wait(30)

    engine.cancel(one)
    ask(engine, [task(("It",), DRAWN)])

    assert one not in [sample.task for sample in engine._batch.live]


def test_many_samples_of_one_client_do_not_keep_another_waiting(start):
    engine = start(rows=2)
    many = task(("It",), Generation(samples=50, max_words=20, constraints=Constraints(ignore_end=True)))
    ended = []
    many.told = lambda event: ended.append(event) if isinstance(event, Ended) else None
    engine.submit([many])

    ask(engine, [task(("She",), Generation(max_words=1))])

    assert len(ended) < 10


def test_a_long_text_does_not_keep_a_short_one_waiting(start):
    engine = start()
    long = task(("the",) * 20_000, vector=True)
    long.told = print
    engine.submit([long])
    began = time.monotonic()

    ask(engine, [task(("It",), Generation(max_words=3))])

    assert time.monotonic() - began < 1
    assert long.parts == 1


def test_what_a_closed_engine_has_left_is_refused(start, model):
    engine = Engine(model, Capacity(), Metrics(), deliver)
    heard = queue.Queue()
    one = task(("It",), Generation(max_words=10**9, constraints=Constraints(ignore_end=True)))
    one.told = heard.put
    engine.submit([one])
    engine.close()

    with pytest.raises(LmgenError, match="stopping"):
        list(iter_until_done(heard))


def test_a_word_is_written(start):
    [events] = ask(start(), [task((), Generation(max_words=1))])

    assert isinstance(events[0], Word | Ended)
