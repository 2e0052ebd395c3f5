from itertools import product

import numpy as np
import pytest

from lmgen.generation.beam import hypothesis_events, search
from lmgen.generation.constraints import Constraints
from lmgen.generation.events import Ended, Word
from lmgen.generation.options import Generation
from lmgen.model import read, read_on
from lmgen.softmax import log_probability

CHOICE = ("the", "cat", "sat")
ONLY_THREE = Constraints(allow=CHOICE)


@pytest.fixture(scope="module")
def every_continuation(tiny_model):
    """All texts of up to three of three words, with their exact log-probabilities."""
    found = {}
    for length in range(4):
        for words in product(CHOICE, repeat=length):
            context, logprobs = read(tiny_model, []), []
            for word in (*words, "</S>"):
                logits = tiny_model.logits(context.state)[0]
                logprobs.append(log_probability(logits, tiny_model.vocabulary.id(word)))
                context = read_on(tiny_model, context, [word])
            if length < 3:
                found[(*words, "</S>")] = sum(logprobs)
            else:
                found[words] = sum(logprobs[:-1])
    return found


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
def test_a_wide_beam_finds_what_exhaustive_search_finds(tiny_model, every_continuation, penalty):
    options = Generation(max_words=3, constraints=ONLY_THREE)

    found = search(tiny_model, read(tiny_model, []), 40, options, penalty)

    expected = sorted(every_continuation, key=lambda words: -every_continuation[words] / len(words) ** penalty)
    assert [hypothesis.words for hypothesis in found] == expected
    totals = [sum(hypothesis.logprobs) for hypothesis in found]
    assert totals == pytest.approx([every_continuation[words] for words in expected], abs=1e-4)


def test_stopping_early_loses_nothing(tiny_model):
    """A narrow beam stops as soon as nothing can overtake; its best are those of running to the end."""
    options = Generation(max_words=8, constraints=ONLY_THREE)
    narrow = search(tiny_model, read(tiny_model, ["the"]), 3, options)

    scores = [hypothesis.score(0) for hypothesis in narrow]
    assert scores == sorted(scores, reverse=True)
    assert len({hypothesis.words for hypothesis in narrow}) == 3


def test_a_beam_of_one_is_greedy(tiny_model):
    context = read(tiny_model, ["cat"])
    [best] = search(tiny_model, context, 1, Generation(max_words=4, constraints=Constraints(ignore_end=True)))

    for word in best.words:
        logits = tiny_model.logits(context.state)[0][:33]
        logits[[0, 1, 2]] = -np.inf
        assert word == tiny_model.vocabulary.word(int(logits.argmax()))
        context = read_on(tiny_model, context, [word])


def test_a_hypothesis_can_be_told_as_events(tiny_model):
    [best, *_] = search(tiny_model, read(tiny_model, []), 5, Generation(max_words=3, constraints=ONLY_THREE))

    events = list(hypothesis_events(best, 2, 1))

    assert isinstance(events[-1], Ended)
    assert sum(event.logprob for event in events) == pytest.approx(sum(best.logprobs))
    words = tuple(event.text for event in events if isinstance(event, Word))
    assert words == tuple(word for word in best.words if word != "</S>")
