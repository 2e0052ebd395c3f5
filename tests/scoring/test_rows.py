"""Entropies, lags and alternatives of tokens, words and regions, against a softmax of each position in float64."""

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.model import read, read_on
from lmgen.scoring.measure import Scoring
from lmgen.scoring.rows import Rows, score_rows
from lmgen.scoring.score import Sentence, score_sentences

TEXT = "the cat’s sat."
WORDS = ["the", "cat", "’s", "sat", "."]


def rows(model, wanted, *sentences):
    scores = score_sentences(model, sentences or [Sentence(WORDS, text=TEXT)], Scoring(**wanted.needs()))
    return list(score_rows(scores, wanted, model.vocabulary))


@pytest.fixture(scope="module")
def shares(tiny_model):
    """The distribution of each word of WORDS and of the end, float64 [6, words]."""
    context, found = read(tiny_model, []), []
    for word in (*WORDS, None):
        logits = tiny_model.logits(context.state)[0][: len(tiny_model.vocabulary)].astype(np.float64)
        found.append(np.exp(logits) / np.exp(logits).sum())
        context = read_on(tiny_model, context, [word]) if word else context
    return np.array(found)


def bits(shares):
    return -(shares * np.log2(shares)).sum(-1)


def test_entropy_before_and_after_a_token_and_its_reduction(tiny_model, shares):
    found, expected = rows(tiny_model, Rows(columns=["all"])), bits(shares)

    np.testing.assert_allclose([row["entropy"] for row in found], expected, atol=2e-5)
    np.testing.assert_allclose([row["entropy_after"] for row in found[:-1]], expected[1:], atol=2e-5)
    reduced = np.maximum(0, expected[:-1] - expected[1:])
    np.testing.assert_allclose([row["entropy_reduction"] for row in found[:-1]], reduced, atol=4e-5)
    assert found[-1]["entropy_after"] is found[-1]["entropy_reduction"] is None


def test_a_word_has_the_entropy_and_rank_of_its_first_token_and_the_entropy_after_its_last(tiny_model, shares):
    found, expected = rows(tiny_model, Rows(by="word", columns=["all"])), bits(shares)
    ids = [tiny_model.vocabulary.id(word) for word in (*WORDS, "</S>")]

    np.testing.assert_allclose([row["entropy"] for row in found], expected[[0, 1, 3, 5]], atol=2e-5)
    np.testing.assert_allclose([row["entropy_after"] for row in found[:-1]], expected[[1, 3, 5]], atol=2e-5)
    assert [row["rank"] for row in found] == [1 + (shares[at] > shares[at, ids[at]]).sum() for at in (0, 1, 3, 5)]
    assert found[1]["prob"] == pytest.approx(shares[1, ids[1]] * shares[2, ids[2]], rel=1e-4)


@pytest.mark.parametrize(("by", "places"), [("token", [0, 1, 2, 3, 4, 5]), ("word", [0, 1, 3, 5])])
def test_the_most_likely_words_in_place_of_each(tiny_model, shares, by, places):
    found = rows(tiny_model, Rows(by=by, top=3))

    for row, place in zip(found, places, strict=True):
        best = np.argsort(-shares[place], kind="stable")[:3]
        assert [row[f"top{rank}"] for rank in (1, 2, 3)] == [tiny_model.vocabulary.word(one) for one in best.tolist()]
        np.testing.assert_allclose([row[f"top{rank}_prob"] for rank in (1, 2, 3)], shares[place][best], rtol=1e-4)


def test_more_alternatives_than_words_leave_the_rest_empty(tiny_model):
    count = len(tiny_model.vocabulary)
    [row] = rows(tiny_model, Rows(columns=["token"], top=count + 1), Sentence([]))

    assert row[f"top{count}"] is not None
    assert row[f"top{count + 1}"] is row[f"top{count + 1}_prob"] is None


def test_a_lag_has_the_surprisals_before_in_the_same_sentence(tiny_model):
    wanted = Rows(columns=["surprisal"], lag=2)
    found = rows(tiny_model, wanted, Sentence(["the", "cat", "</S>", "sat"]), Sentence(["the"]))
    own = [row["surprisal"] for row in found]

    lag1, lag2 = ([row[f"surprisal_lag{back}"] for row in found] for back in (1, 2))
    assert lag1 == [None, own[0], own[1], None, own[3], None, own[5]]
    assert lag2 == [None, None, own[0], None, None, None, None]


def test_what_rows_do_not_have_is_refused():
    with pytest.raises(UsageError, match="there is no column 'colour': choose from sentence_id,.*, or all"):
        Rows(columns=["colour"])
    with pytest.raises(UsageError, match="lag must be 0 or more, not -1"):
        Rows(lag=-1)
