"""Each sampler against its definition, written out plainly, on random logits."""

import numpy as np
import pytest

from lmgen.generation import samplers
from lmgen.generation.draw import choose
from lmgen.generation.samplers import Mirostat
from lmgen.generation.sampling import ORDER, Sampling, chain
from lmgen.softmax import RULED_OUT, probabilities

SIZES = [7, 200, 5000]


@pytest.fixture(params=[(size, spread, seed) for size in SIZES for spread in (0.3, 3) for seed in range(3)], ids=str)
def logits(request):
    """Flat and peaked distributions; every fifth word is ruled out already."""
    size, spread, seed = request.param
    values = np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)
    values[::5] = RULED_OUT
    return values


def kept(values):
    return set(np.flatnonzero(values > RULED_OUT).tolist())


def fewest(keys, shares, p):
    """Take words by falling key until their shares reach p: the definition of nucleus sampling."""
    chosen, total = set(), 0.0
    for index in sorted(range(len(keys)), key=lambda index: -keys[index]):
        if total >= p:
            break
        chosen.add(index)
        total += shares[index]
    return chosen


@pytest.mark.parametrize("k", [1, 3, 64, 10_000])
def test_top_k_keeps_the_k_highest(logits, k):
    expected = set(np.argsort(-logits)[: min(k, len(kept(logits)))].tolist())

    assert kept(samplers.top_k(logits, k)) == expected


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 0.999])
def test_top_p_keeps_the_fewest_that_reach_p(logits, p):
    shares = probabilities(logits)

    assert kept(samplers.top_p(logits, p)) == fewest(shares, shares, p)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.9])
def test_min_p_keeps_what_is_near_the_likeliest(logits, p):
    shares = probabilities(logits)

    assert kept(samplers.min_p(logits, p)) == set(np.flatnonzero(shares >= p * shares.max() * (1 - 1e-6)).tolist())


@pytest.mark.parametrize("p", [0.1, 0.5, 0.95])
def test_typical_keeps_what_is_nearest_the_entropy(logits, p):
    shares = probabilities(logits)
    surprisals = np.array([-np.log(share) if share else np.inf for share in shares])
    entropy = (shares[shares > 0] * surprisals[shares > 0]).sum()

    assert kept(samplers.typical(logits, p)) == fewest(-np.abs(surprisals - entropy), shares, p)


@pytest.mark.parametrize("n", [0.5, 1, 2])
def test_top_n_sigma_keeps_logits_near_the_highest(logits, n):
    finite = logits[np.isfinite(logits)].astype(np.float64)

    expected = set(np.flatnonzero(logits >= finite.max() - n * finite.std() - 1e-6).tolist())

    assert kept(samplers.top_n_sigma(logits, n)) == expected


def test_repetition_penalty_follows_ctrl():
    logits = np.array([2.0, -2.0, 0.5, 3.0], np.float32)

    changed = samplers.repetition_penalty([0, 1, 1], logits, 2.0)

    assert changed.tolist() == [1.0, -4.0, 0.5, 3.0]


def test_presence_counts_once_and_frequency_every_time():
    logits = np.zeros(4, np.float32)

    changed = samplers.presence_and_frequency([1, 2, 2, 2], logits, 0.5, 0.25)

    assert changed.tolist() == [0, -0.75, -1.25, 0]


def test_no_ngram_comes_twice():
    logits = np.zeros(6, np.float32)

    assert kept(samplers.no_repeat_ngram([1, 2, 3, 1, 2], logits, 3)) == {0, 1, 2, 4, 5}
    assert kept(samplers.no_repeat_ngram([1, 2, 1, 3, 1], logits, 2)) == {0, 1, 4, 5}
    assert kept(samplers.no_repeat_ngram([1, 4], logits, 1)) == {0, 2, 3, 5}
    assert kept(samplers.no_repeat_ngram([1, 2], logits, 3)) == set(range(6))
    assert kept(samplers.no_repeat_ngram([1, 0, 2, 1], logits, 2, end=0)) == set(range(6))


def test_mirostat_moves_its_bound_towards_tau():
    """Words of 1, 2, 3, 4, 4 bits; the bound starts at 2 tau = 4 bits and falls after a surprising word."""
    logits = np.log(np.array([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16], np.float32))
    sampler = Mirostat(tau=2.001, eta=1.0)

    assert kept(sampler([], logits)) == {0, 1, 2, 3, 4}
    assert kept(sampler([4], logits)) == {0, 1}  # 4.002 - (4 - 2.001) = 2.003 bits
    renormalised = -np.log2(2 / 3)  # of word 0 among the two that were left
    bound = 2.003 - (renormalised - 2.001)
    assert kept(sampler([4, 0], logits)) == {index for index, bits in enumerate([1, 2, 3, 4, 4]) if bits <= bound}


def test_mirostat_always_leaves_a_word():
    sampler = Mirostat(tau=0.01, eta=1.0)

    assert kept(sampler([], np.zeros(16, np.float32))) == set(range(16))


@pytest.mark.parametrize("name", ["temperature", "top_k", "top_p", "min_p", "typical", "top_n_sigma"])
def test_no_sampler_changes_what_it_was_given(logits, name):
    before = logits.copy()

    getattr(samplers, name)(logits, 1 if name == "top_k" else 0.5)

    assert np.array_equal(before, logits)


def test_samplers_that_change_nothing_do_not_run():
    assert chain(Sampling()) == []
    assert len(chain(Sampling(temperature=0.5, top_k=3, mirostat=2))) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"presence_penalty": 0.5}, [3.5, 1, 0]),
        ({"frequency_penalty": 0.5}, [3, 1, 0]),
        ({"repetition_penalty": 2}, [2, 1, 0]),
        ({"top_k": 1}, [4, RULED_OUT, RULED_OUT]),
        ({"top_n_sigma": 1}, [4, RULED_OUT, RULED_OUT]),  # a standard deviation is 1.7
        ({"no_repeat_ngram": 1}, [RULED_OUT, 1, 0]),
    ],
    ids=str,
)
def test_each_option_works_alone(options, expected):
    [sampler] = chain(Sampling(**options))

    assert sampler([0, 0], np.array([4, 1, 0], np.float32)).tolist() == expected


def test_samplers_work_in_the_order_asked_for():
    """At temperature 4 the nucleus is wider, unless it is taken before the temperature."""
    logits = np.log(np.array([0.6, 0.3, 0.1], np.float32))

    def after(*order):
        values = logits
        for sampler in chain(Sampling(temperature=4, top_p=0.6, order=order)):
            values = sampler([], values)
        return kept(values)

    assert after("temperature", "top-p") == {0, 1}
    assert after("top-p", "temperature") == {0}
    assert after("temperature") == {0, 1, 2}


def test_all_samplers_together_leave_something(logits):
    options = Sampling(
        temperature=0.7,
        top_k=40,
        top_p=0.9,
        min_p=0.02,
        typical=0.9,
        top_n_sigma=2,
        mirostat=2,
        repetition_penalty=1.2,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        no_repeat_ngram=3,
    )
    history = [1, 2, 3, 1, 2]
    for sampler in chain(options):
        logits = sampler(history, logits)

    assert len(chain(options)) == len(ORDER)
    assert kept(logits)


DRAWN, DRAWS = [4, 2, 1, 0.5, 0.3, 0.2], 30_000
"""Words' shares, but for their sum of 8; and how many are drawn."""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, DRAWN),
        ({"top_k": 3}, [4, 2, 1, 0, 0, 0]),
        ({"top_p": 0.8}, [4, 2, 1, 0, 0, 0]),
        ({"min_p": 0.1}, [4, 2, 1, 0.5, 0, 0]),
        ({"typical": 0.7}, [4, 2, 0, 0, 0, 0]),  # surprisals of 1, 2, 3, … bits, and 1.94 is the entropy
        ({"temperature": 2}, np.sqrt(DRAWN)),
        ({"temperature": 0.5, "top_k": 2}, [16, 4, 0, 0, 0, 0]),
    ],
    ids=str,
)
def test_draws_fit_the_sampled_distribution(options, expected):
    """Chi-square over all draws; a limit that is exceeded once in a thousand."""
    logits = np.log(np.array(DRAWN)).astype(np.float32)
    for sampler in chain(Sampling(**options)):
        logits = sampler([], logits)
    rng = np.random.default_rng(11)

    drawn = np.bincount([choose(logits, 1.0, rng).index for _ in range(DRAWS)], minlength=len(DRAWN))

    expected = np.array(expected) / np.sum(expected) * DRAWS
    possible = expected > 0
    assert not drawn[~possible].any()
    limit = {1: 10.8, 2: 13.8, 3: 16.3, 5: 20.5}[possible.sum() - 1]
    assert ((drawn - expected)[possible] ** 2 / expected[possible]).sum() < limit
