import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.generation.draw import choose, choose_below, choose_except
from lmgen.generation.sampling import Sampling
from lmgen.softmax import RULED_OUT, log_probability, probabilities

LOGITS = np.log(np.array([0.1, 0.2, 0.1, 0.1, 0.2, 0.05, 0.15, 0.1], np.float32))


def test_log_probability_is_that_of_the_softmax():
    logits = np.array([1e3, 1e3, 1e3 - np.log(2)], np.float32)

    assert np.isclose(log_probability(logits, 2), np.log(0.2), atol=1e-4)


@pytest.mark.parametrize("ruled_out", [[], [7], [7, 8, 4999], [100], [100, 200]])
def test_a_draw_with_few_ruled_out_is_that_of_the_others_and_its_probability_the_model_s(ruled_out):
    """Also where nearly all probability is ruled out: place 100's, then place 200's."""
    logits = np.random.default_rng(0).normal(scale=3, size=5000).astype(np.float32)
    logits[100], logits[200] = 100, 60
    others = logits.copy()
    others[ruled_out] = RULED_OUT
    first, second = np.random.default_rng(1), np.random.default_rng(1)

    for _ in range(50):
        choice, logprob = choose_except(logits, np.array(ruled_out, int), first)
        expected = choose(others, 1.0, second)
        assert choice.index == expected.index
        assert (choice.low, choice.high) == pytest.approx((expected.low, expected.high))
        assert logprob == pytest.approx(log_probability(logits, choice.index), abs=1e-6)


def test_temperature_zero_takes_the_likeliest():
    assert choose(LOGITS, 0, np.random.default_rng(0)).index == 1


def test_a_draw_can_be_checked_by_hand():
    """The uniform number lies in the interval of the word that it chose."""
    rng, shares = np.random.default_rng(3), np.cumsum(probabilities(LOGITS))
    for _ in range(200):
        choice = choose(LOGITS, 1.0, rng)

        assert choice.low <= choice.draw < choice.high
        assert choice.high == pytest.approx(shares[choice.index])
        assert choice.high - choice.low == pytest.approx(probabilities(LOGITS)[choice.index])


def test_what_is_ruled_out_is_never_drawn():
    logits = np.array([RULED_OUT, 0.0, RULED_OUT, 0.0, RULED_OUT], np.float32)
    rng = np.random.default_rng(0)

    assert {choose(logits, 1.0, rng).index for _ in range(1000)} == {1, 3}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"temperature": -1}, "temperature must be 0, or from"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"top_k": -1}, "top-k must be 0 or more"),
        ({"top_p": 0}, "top-p must be above 0 and at most 1"),
        ({"top_p": 1.5}, "top-p must be above 0"),
        ({"min_p": 1}, "min-p must be 0 or more and below 1"),
        ({"typical": 0}, "typical must be"),
        ({"mirostat": 1}, "mirostat must be 0 or 2"),
        ({"repetition_penalty": 0}, "repetition-penalty must be from"),
        ({"no_repeat_ngram": -1}, "no-repeat-ngram must be"),
        ({"order": ("top-k", "magic")}, "no sampler 'magic': choose from repetition,presence"),
    ],
)
def test_options_out_of_range_are_refused_with_their_range(wrong, told):
    with pytest.raises(UsageError, match=told):
        Sampling(**wrong)


def test_a_draw_below_a_ceiling_is_exact_however_high_the_ceiling_is():
    """Even where nearly every try is rejected; where all are, nothing is drawn."""
    logits, rng = np.log(np.array([0.5, 0.3, 0.2], np.float32)), np.random.default_rng(0)
    assert choose_below(logits + 50, lambda words: logits[words], 1.0, rng) is None
    for height in (np.float32([0.1, 0.5, 2]), 3):
        drawn = [choose_below(logits + height, lambda words: logits[words], 1.0, rng).index for _ in range(2000)]
        assert np.allclose(np.bincount(drawn) / 2000, [0.5, 0.3, 0.2], atol=0.04)
