import math

import numpy as np
import pytest

from lmgen.scoring.evaluation import BINS, Calibration, Comparison, Evaluation
from lmgen.scoring.measure import LIKELY, Measures
from lmgen.scoring.score import Scored, Sentence


def scored(probs, oov=()):
    words = [f"w{place}" for place in range(len(probs) - 1)]
    flags = np.array([place in oov for place in range(len(probs))])
    measures = Measures(np.log(probs), np.zeros(len(probs), int), np.zeros(len(probs)), None, None)
    return Scored(Sentence(words), (*words, "</S>"), np.zeros(len(probs), int), flags, measures)


def evaluated(*sentences):
    evaluation = Evaluation()
    assert list(evaluation.count(sentences)) == list(sentences)
    return evaluation


def test_perplexity_with_and_without_oov_targets():
    evaluation = evaluated(scored([0.5, 1 / 32, 0.5], oov=[1]), scored([0.5]))

    assert (evaluation.sentences, evaluation.tokens, evaluation.words, evaluation.oov) == (2, 4, 2, 1)
    assert evaluation.nats / math.log(2) == pytest.approx(2)
    assert evaluation.perplexity == pytest.approx(4)
    assert evaluation.known_perplexity == pytest.approx(2)


def test_the_interval_holds_the_true_perplexity_in_95_of_100_cases():
    """Words of a sentence share a surprise: an interval over words would be far too narrow."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        shared = np.exp(-rng.gamma(4, 0.5, 100))  # 2 nats on average, the same for all 10 words of a sentence
        low, high = evaluated(*(scored([prob] * 10) for prob in shared)).interval
        covered += low <= math.exp(2) <= high

    assert 0.91 <= covered / 300 <= 0.98


def test_sentences_that_agree_leave_no_doubt_and_one_alone_tells_none():
    low, high = evaluated(scored([0.25]), scored([0.25, 0.25])).interval

    assert low == pytest.approx(4)
    assert high == pytest.approx(4)
    assert evaluated(scored([0.25, 0.5])).interval is None


def test_a_hopeless_text_has_an_infinite_perplexity():
    evaluation = Evaluation()
    evaluation.add(
        Scored(
            Sentence([]),
            ("</S>",),
            np.zeros(1, int),
            np.zeros(1, bool),
            Measures(np.array([-1e4]), None, None, None, None),
        )
    )

    assert evaluation.perplexity == math.inf


def compared(*pairs):
    comparison = Comparison()
    for pair in pairs:
        comparison.add(*pair)
    return comparison


def test_two_models_are_compared_over_what_both_know():
    comparison = compared(
        (scored([0.5, 0.9, 0.5], oov=[1]), scored([0.25, 0.1, 0.25])),
        (scored([0.5, 0.5]), scored([0.5, 0.01], oov=[1])),
    )

    ln2, all_of_it = math.log(2), math.log(9) + math.log(50)
    assert (comparison.shared.sentences, comparison.shared.tokens, comparison.all.tokens) == (2, 3, 5)
    assert comparison.shared.value == pytest.approx(2 * ln2 / 3)
    assert comparison.all.value == pytest.approx((2 * ln2 + all_of_it) / 5)
    assert math.isnan(compared((scored([0.5], oov=[0]), scored([0.5]))).shared.value)


def test_the_interval_of_a_difference_is_paired():
    """Sentences differ a hundred times more from each other than the models do: that must not widen it."""
    rng = np.random.default_rng(1)
    covered, widths = 0, []
    for _ in range(300):
        hard = np.exp(-rng.gamma(4, 0.5, 100))
        better = np.exp(rng.normal(0.05, 0.02, 100))
        pairs = [(scored([p * b] * 10), scored([p] * 10)) for p, b in zip(hard, better, strict=True)]
        low, high = compared(*pairs).shared.interval
        covered += low <= 0.05 <= high
        widths.append(high - low)

    assert 0.91 <= covered / 300 <= 0.98
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 0.02 / 10, rel=0.05)


def calibrated(shares, targets):
    """Of distributions, float64 [tokens, words], and what came."""
    tokens = np.arange(len(targets))
    masses = np.array(
        [np.bincount(np.searchsorted(BINS, row, "right"), row, len(BINS) + 1) for row in shares.round(12)]
    )
    best = np.empty((len(targets), 1), LIKELY)
    best["id"], best["logprob"] = shares.argmax(1)[:, None], np.log(shares.max(1))[:, None]
    measures = Measures(np.log(shares[tokens, targets]), None, None, best, masses)
    calibration = Calibration()
    calibration.add(Scored(Sentence(["w"]), ("w",) * len(targets), targets, np.zeros(len(targets), bool), measures))
    return calibration


def test_a_model_that_draws_its_own_words_is_calibrated_and_one_too_sure_of_itself_is_not():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (4000, 50))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    came = (shares.cumsum(1) < rng.random((4000, 1))).sum(1)
    surer = shares**2 / (shares**2).sum(1, keepdims=True)
    honest, vain = calibrated(shares, came), calibrated(surer, came)

    assert honest.predicted.sum() == pytest.approx(honest.observed.sum())
    spread = 4 * np.sqrt(honest.predicted)  # of a count, at most
    assert (np.abs(honest.predicted - honest.observed) < spread + 1).all()
    assert honest.error < 0.03
    assert vain.error == pytest.approx(surer.max(1).mean() - (surer.argmax(1) == came).mean(), abs=0.01)
