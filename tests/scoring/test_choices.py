import json

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.scoring.choices import Item, choose_sentences
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.scoring.sentences import read_items

PAIRS = [
    ["the cat sat", "the cat the"],
    ["the", "the cat sat voilà word3"],
    ["word1 word2", "word2 word1", "word5"],
]


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_the_likeliest_sentence_is_chosen_and_by_how_much(tiny_model, reduce):
    items = [Item([text.split() for text in texts], answer=0) for texts in PAIRS]

    for item, chosen in zip(items, choose_sentences(tiny_model, items, Scoring(), reduce), strict=True):
        logprobs = [one.logprobs for one in score_sentences(tiny_model, map(Sentence, item.candidates))]
        scores = [values.sum() if reduce == "sum" else values.mean() for values in logprobs]
        assert chosen.scores == pytest.approx(scores)
        assert chosen.best == int(np.argmax(scores))
        assert chosen.log_ratio == pytest.approx(max(scores) - sorted(scores)[-2])
        assert chosen.correct == (chosen.best == 0)


def test_where_two_sentences_part_is_told(tiny_model):
    [chosen] = choose_sentences(tiny_model, [Item([["the", "cat"], ["the"]])])

    assert chosen.position == 2
    assert set(chosen.parting) == {"cat", "</S>"}
    assert chosen.correct is None


def test_a_tie_is_no_success_for_the_right_one(tiny_model):
    [chosen] = choose_sentences(tiny_model, [Item([["the"], ["the"]], answer=0)])

    assert (chosen.correct, chosen.log_ratio, chosen.position) == (False, 0, None)


def test_blimp_is_read_as_it_is(tmp_path):
    row = {"sentence_good": "Cats sleep.", "sentence_bad": "Cats sleeps.", "UID": "x", "one_prefix_method": True}
    (tmp_path / "blimp.jsonl").write_text(json.dumps(row) + "\n")

    [item] = read_items(tmp_path / "blimp.jsonl", ["sentence_good", "sentence_bad"], None, str.split)

    assert item == Item([["Cats", "sleep."], ["Cats", "sleeps."]], 0, {"UID": "x", "one_prefix_method": True})


@pytest.mark.parametrize("told", ["b", "2", "the dog"])
def test_the_answer_is_a_column_a_number_or_a_text(tmp_path, told):
    (tmp_path / "items.csv").write_text(f"a,b,right,id\nthe cat,the dog,{told},7\n")

    [item] = read_items(tmp_path / "items.csv", ["a", "b"], "right", str.split)

    assert (item.answer, item.extra) == (1, {"id": "7"})


@pytest.mark.parametrize(
    ("answer", "told"), [("right", "line 2: the answer 'c' is none of a, b"), ("key", "no column 'key'")]
)
def test_an_answer_that_is_none_is_refused_with_its_place(tmp_path, answer, told):
    (tmp_path / "items.csv").write_text("a,b,right\nx,y,c\n")

    with pytest.raises(UsageError, match=told):
        list(read_items(tmp_path / "items.csv", ["a", "b"], answer, str.split))


@pytest.mark.parametrize("answer", [0, 1])
def test_of_equals_none_is_right_whichever_the_answer_is(tiny_model, answer):
    [chosen] = choose_sentences(tiny_model, [Item([["the", "cat"], ["the", "cat"]], answer)])

    assert (chosen.best, chosen.log_ratio, chosen.correct) == (0, 0.0, False)


def test_a_sentence_without_a_word_cannot_be_chosen():
    with pytest.raises(UsageError, match="has no word"):
        Item([["the"], []])
