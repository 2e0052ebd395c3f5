import json

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.items.choices import Choices, Item, choice_rows, choose_sentences
from lmgen.items.reading import Candidates, item_files, read_items
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences

PAIRS = [
    ["the cat sat", "the cat the"],
    ["the", "the cat sat voilà word3"],
    ["word1 word2", "word2 word1", "word5"],
]


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_the_most_likely_sentence_is_chosen_and_by_how_much(tiny_model, reduce):
    items = [Item([text.split() for text in texts], answer=0) for texts in PAIRS]

    for item, chosen in zip(items, choose_sentences(tiny_model, items, Scoring(), reduce), strict=True):
        logprobs = [one.logprobs for one in score_sentences(tiny_model, map(Sentence, item.candidates))]
        scores = [values.sum() if reduce == "sum" else values.mean() for values in logprobs]
        assert chosen.scores == pytest.approx(scores)
        assert chosen.best == int(np.argmax(scores))
        assert chosen.log_ratio == pytest.approx(max(scores) - sorted(scores)[-2], abs=1e-6)
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

    [item] = read_items([tmp_path / "blimp.jsonl"], Candidates())

    assert item == Item([["Cats", "sleep."], ["Cats", "sleeps."]], 0, {"UID": "x", "one_prefix_method": True})


@pytest.mark.parametrize("told", ["b", "2", "the dog"])
def test_the_answer_is_a_column_a_number_or_a_text(tmp_path, told):
    (tmp_path / "items.csv").write_text(f"a,b,right,id\nthe cat,the dog,{told},7\n")

    [item] = read_items([tmp_path / "items.csv"], Candidates(columns=["a", "b"], answer="right"))

    assert (item.answer, item.extra) == (1, {"id": "7"})


@pytest.mark.parametrize(
    ("answer", "told"), [("right", "line 2: the answer 'c' is none of a, b"), ("key", "no column 'key'")]
)
def test_an_answer_that_is_none_is_refused_with_its_place(tmp_path, answer, told):
    (tmp_path / "items.csv").write_text("a,b,right\nx,y,c\n")

    with pytest.raises(UsageError, match=told):
        list(read_items([tmp_path / "items.csv"], Candidates(columns=["a", "b"], answer=answer)))


@pytest.mark.parametrize("answer", [0, 1])
def test_of_equals_none_is_right_whichever_the_answer_is(tiny_model, answer):
    [chosen] = choose_sentences(tiny_model, [Item([["the", "cat"], ["the", "cat"]], answer)])

    assert (chosen.best, chosen.log_ratio, chosen.correct) == (0, 0.0, False)


def test_a_sentence_without_a_word_cannot_be_chosen():
    with pytest.raises(UsageError, match="has no word"):
        Item([["the"], []])


def test_every_candidate_has_its_score_in_the_row(tiny_model):
    item = Item([["the", "cat"], ["cat", "the"], ["the"]], answer=2, extra={"n": 7})

    [row] = choice_rows(choose_sentences(tiny_model, [item]), "2")

    logprobs = [one.logprobs.sum() for one in score_sentences(tiny_model, map(Sentence, item.candidates))]
    assert row["n"] == 7
    assert row["scores"] == pytest.approx(np.array(logprobs) / np.log(2), abs=1e-6)
    assert row["log_ratio"] == pytest.approx(np.diff(sorted(row["scores"]))[-1], abs=2e-6)


def test_what_is_read_before_an_item_is_not_scored_but_changes_the_scores(tiny_model):
    with_prefix = Item([["cat"], ["sat"]], prefix=["the"])

    [chosen] = choose_sentences(tiny_model, [with_prefix])

    whole = [
        one.logprobs[1:].sum() for one in score_sentences(tiny_model, map(Sentence, (["the", "cat"], ["the", "sat"])))
    ]
    assert chosen.scores == pytest.approx(whole)


HELLASWAG = {"ind": 4, "ctx": "the cat", "endings": ["sat", "the", "cat", "voilà"], "label": 1}
ARC = {"choices": {"text": ["sat", "the"], "label": ["A", "B"]}, "answerKey": "B", "id": "m1"}


@pytest.mark.parametrize("label", [1, "1"])
def test_a_list_of_endings_with_a_label_from_0_is_read(tmp_path, label):
    (tmp_path / "a.jsonl").write_text(json.dumps({**HELLASWAG, "label": label}))

    [item] = read_items([tmp_path / "a.jsonl"], Candidates(choices="endings", label="label", prefix="ctx"))

    assert item == Item([["sat"], ["the"], ["cat"], ["voilà"]], 1, {"ind": 4}, ["the", "cat"])


def test_choices_with_names_and_the_name_of_the_answer_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(ARC))

    [item] = read_items([tmp_path / "a.jsonl"], Candidates(choices="choices", answer="answerKey"))

    assert item == Item([["sat"], ["the"]], 1, {"id": "m1"})


def test_a_cell_of_a_table_holds_a_list_as_json(tmp_path):
    (tmp_path / "a.tsv").write_text('endings\tlabel\n["sat", "the"]\t0\n')

    [item] = read_items([tmp_path / "a.tsv"], Candidates(choices="endings", label="label"))

    assert item == Item([["sat"], ["the"]], 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 4}, "line 1: the label is '4', and must be a place from 0 to 3"),
        ({"label": -1}, "line 1: the label is '-1', and must be a place from 0 to 3"),
        ({"label": "B"}, "line 1: the label is 'B', and must be a place from 0 to 3"),
        ({"label": None}, "line 1: there is no column 'label'"),
        ({"endings": "sat"}, "line 1: 'endings' is not a list of texts"),
        ({"endings": ["sat"], "label": 0}, "line 1: there is nothing to choose from"),
        ({"endings": ["sat", " "]}, "line 1: a sentence to choose from has no word"),
    ],
)
def test_an_item_that_cannot_be_read_is_refused_with_its_row(tmp_path, change, message):
    (tmp_path / "a.jsonl").write_text(json.dumps({**HELLASWAG, **change}))

    with pytest.raises(UsageError, match=message):
        list(read_items([tmp_path / "a.jsonl"], Candidates(choices="endings", label="label", prefix="ctx")))


def test_a_folder_stands_for_the_tables_in_it(tmp_path):
    (tmp_path / "in").mkdir()
    names = ["b.jsonl", "a.csv", "in/c.jsonl.gz"]
    for name in [*names, "README.md"]:
        (tmp_path / name).touch()

    assert item_files([tmp_path]) == [tmp_path / name for name in sorted(names)]


def test_the_accuracy_of_choices_counts_the_items_with_an_answer(tiny_model):
    items = [Item([["the"], ["the"]], 0), Item([["the"], ["the"]])]

    accuracy = Choices(choose_sentences(tiny_model, items)).accuracy

    assert (accuracy.correct, accuracy.items) == (0, 1)
