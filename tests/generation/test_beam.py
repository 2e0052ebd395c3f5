from itertools import product

import numpy as np
import pytest

from charted import Charted
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


def searched(chart, width, max_words=10, penalty=0.0):
    """The texts found, and how many steps it took."""
    model = Charted(chart)
    found = search(model, read(model, []), width, Generation(max_words=max_words), penalty)
    return [" ".join(hypothesis.words) for hypothesis in found], model.asked


def test_it_stops_when_nothing_open_can_overtake():
    assert searched({"": {"</S>": 0.6, "a": 0.3}, "a": {"a": 0.5}}, width=1) == (["</S>"], 1)


def test_what_can_only_draw_level_does_not_overtake():
    assert searched({"": {"</S>": 0.5, "a": 0.5}, "a": {"</S>": 1}}, width=1) == (["</S>"], 1)


def test_it_goes_on_while_something_open_can_overtake_the_worst():
    """After two steps two texts are complete, of 0.5 and 0.04; open are `a c` of 0.36 and `b c` of 0.018."""
    chart = {
        "": {"</S>": 0.5, "a": 0.4, "b": 0.02},
        "a": {"</S>": 0.1, "c": 0.9},
        "b": {"c": 0.9},
        "a c": {"</S>": 0.9},
        "b c": {"</S>": 0.9},
    }

    assert searched(chart, width=2) == (["</S>", "a c </S>"], 3)


def test_it_goes_on_until_there_are_as_many_as_wanted():
    assert searched({"": {"</S>": 0.9, "a": 0.1}, "a": {"</S>": 1}}, width=2) == (["</S>", "a </S>"], 2)


def test_a_length_penalty_lets_longer_texts_overtake():
    """ln(0.5) = -0.69 for one word, ln(0.4) / 3 = -0.31 for three; of `max_words` 1 none is longer than one."""
    chart = {"": {"</S>": 0.5, "a": 0.4}, "a": {"b": 1}, "a b": {"</S>": 1}}

    assert searched(chart, width=1, max_words=3, penalty=1.0) == (["a b </S>"], 3)
    assert searched(chart, width=1, max_words=1, penalty=1.0) == (["</S>"], 1)
    assert searched(chart, width=1, max_words=3) == (["</S>"], 1)


def test_a_length_penalty_counts_on_the_longest_text_and_no_longer():
    """ln(0.3) / 9 ** 0.5 = -0.40 is the best that `a` can come to, and ln(0.7) = -0.36 is better."""
    chart = {"": {"</S>": 0.7, "a": 0.3}, "a": {"a": 1}, "a a": {"a": 1}}

    assert searched(chart, width=1, max_words=9, penalty=0.5) == (["</S>"], 1)
    assert searched(chart, width=1, max_words=12, penalty=0.5)[1] > 1


def test_it_stops_when_nothing_is_left_open():
    assert searched({"": {"</S>": 0.7, "a": 0.3}, "a": {"</S>": 1}}, width=9) == (["</S>", "a </S>"], 2)


def test_texts_cut_off_by_their_length_are_ranked_with_the_complete_ones():
    chart = {"": {"a": 0.8, "</S>": 0.2}, "a": {"a": 0.7, "b": 0.3}}

    assert searched(chart, width=3, max_words=2) == (["a a", "a b", "</S>"], 2)


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
