import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.sampling import Sampling, choose, log_probability, probabilities, processors, top_k, top_p
from lmgen.vocabulary import MARKS, Vocabulary

RULED_OUT = -np.inf
WORDS = Vocabulary([*MARKS, "a", "b", "c", "d"])
LOGITS = np.log(np.array([0.1, 0.2, 0.1, 0.1, 0.2, 0.05, 0.15, 0.1], np.float32))  # the last row has no word


def kept(logits):
    return np.flatnonzero(logits > RULED_OUT).tolist()


def processed(logits, **options):
    for process in processors(Sampling(**options), WORDS):
        logits = process(logits)
    return logits


def test_unk_the_sentence_s_start_and_rows_without_a_word_are_never_chosen():
    assert kept(processed(LOGITS)) == [0, 3, 4, 5, 6]


def test_the_sentence_s_end_can_be_chosen():
    certain = np.where(np.arange(8) == 0, 50, LOGITS)

    assert choose(processed(certain), 1.0, np.random.default_rng(0)) == 0


def test_processors_leave_their_input_as_it_was():
    before = LOGITS.copy()

    processed(LOGITS, temperature=0.5, top_k=2, top_p=0.5)

    assert np.array_equal(before, LOGITS)


def test_temperature_divides_the_logits():
    assert np.allclose(processed(LOGITS, temperature=0.5)[3:7], LOGITS[3:7] * 2)


def test_top_k_keeps_the_k_likeliest():
    assert kept(top_k(LOGITS, 3)) == [1, 4, 6]
    assert kept(top_k(LOGITS, 99)) == list(range(8))


def test_top_k_keeps_all_equals_at_its_limit():
    assert kept(top_k(np.array([1.0, 2.0, 1.0, 0.0]), 2)) == [0, 1, 2]


def test_top_p_keeps_the_fewest_words_that_reach_it():
    logits = np.log(np.array([0.5, 0.125, 0.25, 0.125]))

    assert kept(top_p(logits, 0.4)) == [0]
    assert kept(top_p(logits, 0.7)) == [0, 2]
    assert kept(top_p(logits, 0.76)) == [0, 1, 2]
    assert kept(top_p(logits, 1.0)) == [0, 1, 2, 3]


def test_top_p_works_on_what_temperature_and_top_k_left():
    """Renormalised over 4 and 6 alone, word 4 has 0.57: at 0.55 it is all that stays."""
    assert kept(processed(LOGITS, top_k=2, top_p=0.55)) == [4]


def test_log_probability_is_that_of_the_softmax():
    logits = np.array([1e3, 1e3, 1e3 - np.log(2)], np.float32)

    assert np.isclose(log_probability(logits, 2), np.log(0.2), atol=1e-4)


def test_temperature_zero_takes_the_likeliest():
    assert choose(LOGITS, 0, np.random.default_rng(0)) == 1


def test_draws_follow_the_distribution():
    """Chi-square over 100,000 draws, six degrees of freedom: 22.5 is exceeded once in a thousand."""
    logits = np.log(np.array([0.4, 0.3, 0.1, 0.1, 0.05, 0.04, 0.01]))
    rng = np.random.default_rng(7)

    drawn = np.bincount([choose(logits, 1.0, rng) for _ in range(100_000)], minlength=7)

    expected = probabilities(logits) * 100_000
    assert ((drawn - expected) ** 2 / expected).sum() < 22.5


def test_what_is_ruled_out_is_never_drawn():
    logits = np.array([RULED_OUT, 0.0, RULED_OUT, 0.0, RULED_OUT])
    rng = np.random.default_rng(0)

    assert {choose(logits, 1.0, rng) for _ in range(1000)} == {1, 3}


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.5}]
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match="must be"):
        Sampling(**wrong)
