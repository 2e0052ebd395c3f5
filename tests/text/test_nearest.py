import pytest

from lmgen.text.nearest import meant, unknown_word
from lmgen.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["</S>", "<S>", "<UNK>", "the", "then", "queen", "Paris", "UN"])


@pytest.mark.parametrize(
    ("slip", "near"),
    [("quen", "queen"), ("queeen", "queen"), ("quean", "queen"), ("qeuen", "queen"), ("paris", "Paris"), ("un", "UN")],
)
def test_a_word_one_slip_away_is_named(slip, near):
    assert unknown_word(slip, VOCABULARY) == f"'{slip}' is not in the model's vocabulary: do you mean '{near}'?"


def test_of_several_near_words_the_most_frequent_is_named():
    assert unknown_word("thew", VOCABULARY).endswith("do you mean 'the'?")


@pytest.mark.parametrize("word", ["zzzz", "", "日本語"])
def test_nothing_is_suggested_where_no_word_is_near(word):
    assert unknown_word(word, VOCABULARY) == f"{word!r} is not in the model's vocabulary"


def test_the_nearest_name_is_suggested():
    assert meant("mimi", ["lm1b", "mini"]) == "do you mean mini?"
    assert meant("udno", ["undo", "redo"], "/") == "do you mean /undo?"
    assert meant("gpt", ["lm1b", "mini"]) == ""
