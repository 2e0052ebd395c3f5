"""The arithmetic of a softmax against formulas in float64, written down here as a textbook has them."""

import numpy as np
import pytest

from lmgen.softmax import (
    GROUP,
    Masses,
    Sums,
    entropy,
    exponentials,
    highest,
    log_probability,
    log_total,
    most_likely,
    probabilities,
)

RANDOM = np.random.default_rng(0)
ROWS = {
    "several": [0.5, -1.0, 2.0, 0.0],
    "ruled out": [-np.inf, 1.0, -np.inf, 0.0, -np.inf],
    "one word": [-3.0],
    "one word left": [-np.inf, 7.0, -np.inf],
    "huge": [1e30, 1e30, -1e30, 0.0],
    "far apart": [88.0, -120.0, 87.0, -1000.0],
    "all equal": [-40.0] * 5,
    "many": RANDOM.normal(-8, 2.5, 20_001),
}
rows = pytest.mark.parametrize("logits", [np.array(row, np.float32) for row in ROWS.values()], ids=list(ROWS))


def plain_softmax(logits):
    shares = np.exp(logits.astype(np.float64) - np.float64(logits.max()))
    return shares / shares.sum()


def plain_log_total(logits):
    logits = logits.astype(np.float64)
    return logits.max() + np.log(np.exp(logits - logits.max()).sum())


def plain_entropy(shares):
    """In nats."""
    return -sum(share * np.log(share) for share in shares.tolist() if share > 0)


def plain_order(logits):
    """Places by falling logit; of equal ones, the first comes first."""
    return sorted(range(len(logits)), key=lambda place: (-logits[place], place))


@rows
def test_probabilities_are_those_of_the_formula(logits):
    shares = probabilities(logits)

    assert shares.dtype == np.float64
    np.testing.assert_allclose(shares, plain_softmax(logits), rtol=1e-12)


@rows
def test_float64_logits_have_probabilities_too(logits):
    np.testing.assert_allclose(probabilities(logits.astype(np.float64)), plain_softmax(logits), rtol=1e-12)


@rows
def test_the_total_is_that_of_the_formula(logits):
    total = log_total(logits)

    assert (total.shape, total.dtype) == ((1,), np.float64)
    assert total.item() == pytest.approx(plain_log_total(logits), rel=1e-6)


@rows
def test_the_entropy_is_that_of_the_formula_in_bits(logits):
    shares = plain_softmax(logits)

    assert entropy(shares) == pytest.approx(plain_entropy(shares) / np.log(2), abs=1e-9)
    assert entropy(shares.astype(np.float32)) == pytest.approx(plain_entropy(shares) / np.log(2), abs=1e-4)


@rows
def test_sums_of_a_row_give_total_and_entropy_in_nats(logits):
    sums = Sums.of(logits, moment=True)

    assert [field.shape for field in sums] == [(), (), ()]
    assert sums.log_total == pytest.approx(plain_log_total(logits), rel=1e-6)
    assert sums.entropy == pytest.approx(plain_entropy(plain_softmax(logits)), abs=1e-5)


@rows
def test_a_log_probability_is_that_of_the_formula(logits):
    place = int(logits.argmin())
    expected = np.float64(logits[place]) - plain_log_total(logits)

    assert log_probability(logits, place) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@rows
@pytest.mark.parametrize("k", [0, 1, 2, 3, 50, 30_000])
def test_the_most_likely_words_are_the_first_of_a_full_sort(logits, k):
    places = most_likely(logits, k)

    assert places.dtype == np.int64
    assert places.tolist() == plain_order(logits)[:k]


def test_of_equal_logits_the_first_comes_first_wherever_they_stand():
    logits = RANDOM.integers(0, 40, 100 * GROUP + 7).astype(np.float32)

    for k in (1, 33, 34, 99, 500, 1066, 1067, 2133, 2134, 6406):
        assert most_likely(logits, k).tolist() == plain_order(logits)[:k]


def test_the_highest_include_all_that_equal_the_last_of_them():
    logits = np.array([1, 3, 2, 2, 3, 2, 0], np.float32)

    assert highest(logits, 2).tolist() == [1, 4]
    assert highest(logits, 3).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("logits", [np.array([[1, -np.inf, 3], [1e30, -1e30, 0]], np.float32)])
def test_exponentials_are_those_of_the_distance_to_the_highest(logits):
    top, shares = exponentials(logits)

    assert (top.dtype, shares.dtype) == (np.float32, np.float32)
    assert top.tolist() == [[3.0], [np.float32(1e30)]]
    np.testing.assert_allclose(shares, [[np.exp(-2.0), 0, 1], [1, 0, 0]], rtol=1e-6)


def test_what_is_given_is_not_changed():
    logits = np.array([[1.0, -np.inf, 3.0]], np.float32)
    kept = logits.copy()

    Sums.of(logits, moment=True), log_total(logits), exponentials(logits), probabilities(logits[0])

    np.testing.assert_array_equal(logits, kept)


def test_rows_are_summed_up_each_for_itself():
    logits = RANDOM.normal(0, 5, (7, 300)).astype(np.float32)
    logits[0, 5:], logits[1, :-1] = -np.inf, -np.inf
    sums = Sums.of(logits, moment=True)

    np.testing.assert_allclose(sums.log_total, [plain_log_total(row) for row in logits], rtol=1e-6)
    np.testing.assert_allclose(sums.entropy, [plain_entropy(plain_softmax(row)) for row in logits], atol=1e-5)
    np.testing.assert_allclose(log_total(logits)[:, 0], sums.log_total, rtol=1e-12)


@pytest.mark.parametrize("edges", [[1], [150, 151], [100, 200, 299]])
def test_parts_are_joined_to_the_sums_of_the_whole(edges):
    logits = RANDOM.normal(0, 20, (5, 300)).astype(np.float32)
    whole = Sums.of(logits, moment=True)
    joined = Sums.joined([Sums.of(part, moment=True) for part in np.split(logits, edges, 1)])

    np.testing.assert_allclose(joined.log_total, whole.log_total, rtol=1e-6)
    np.testing.assert_allclose(joined.entropy, whole.entropy, atol=1e-5)


def test_without_the_moment_there_is_a_total_but_no_entropy():
    logits = RANDOM.normal(0, 5, (2, 30)).astype(np.float32)
    joined = Sums.joined([Sums.of(logits[:, :9]), Sums.of(logits[:, 9:])])

    np.testing.assert_allclose(joined.log_total, [plain_log_total(row) for row in logits], rtol=1e-6)
    assert np.isnan(joined.entropy).all()


def test_masses_of_bins_are_those_of_all_words_whatever_parts_they_come_in():
    rng = np.random.default_rng(0)
    logits, limits = rng.normal(0, 4, (5, 3000)).astype(np.float32), (1e-3, 0.01, 0.3)
    masses, seen = Masses(limits), []
    for part in np.split(logits, [1, 700], 1):
        seen.append(Sums.of(part))
        masses.add(part, Sums.joined(seen).log_total)
    shares = np.exp(logits.astype(np.float64))
    shares /= shares.sum(1, keepdims=True)

    expected = [np.bincount(np.digitize(row, limits), row, 4) for row in shares]
    np.testing.assert_allclose(masses.of(Sums.joined(seen).log_total), expected, atol=1e-6)
