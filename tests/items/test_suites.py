"""Suites in the form in which SyntaxGym publishes them, of our own words."""

import copy
import json
import math

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.items.regions import measure_suite, prediction_rows, region_rows
from lmgen.items.suites import read_suite
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences

FORMULA = "((3;%comma%) > (3;%none%)) & ((*;%comma%) > 0)"


def condition(name, *contents):
    regions = [{"region_number": place, "content": text} for place, text in enumerate(contents, 1)]
    return {"condition_name": name, "regions": regions}


SUITE = {
    "meta": {"name": "tiny", "metric": "sum"},
    "region_meta": {"1": "Start", "2": "Comma", "3": "Verb"},
    "predictions": [{"type": "formula", "formula": FORMULA}],
    "items": [
        {"item_number": number, "conditions": [condition("none", *none), condition("comma", *comma)]}
        for number, none, comma in [
            (1, ("the cat", "", " sat"), ("the cat", ",", " sat")),
            (2, ("voilà", "", "the zork sat"), ("voilà", ",", "the zork sat")),
        ]
    ],
}
CSV = """item_number,condition_name,region_number,region_name,content
1,none,1,Start,the cat
1,none,2,Comma,
1,none,3,Verb, sat
1,comma,1,Start,the cat
1,comma,2,Comma,","
1,comma,3,Verb, sat
"""


def written(tmp_path, suite):
    (tmp_path / "a.json").write_text(json.dumps(suite, indent=4))
    return tmp_path / "a.json"


def changed(*path, to):
    suite = copy.deepcopy(SUITE)
    holder = suite
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = to
    return suite


def bits(model, words, *spans):
    [scored] = score_sentences(model, [Sentence(words.split())], Scoring(end=False))
    return [-scored.logprobs[start:end].sum() / math.log(2) for start, end in spans]


def test_a_region_is_the_sum_of_its_tokens_and_an_empty_one_is_0(tiny_model, tmp_path):
    suite = read_suite(written(tmp_path, SUITE))

    rows = list(region_rows(measure_suite(tiny_model, suite, str.split), suite))

    assert [row["region_name"] for row in rows[:3]] == ["Start", "Comma", "Verb"]
    assert [row["tokens"] for row in rows] == [2, 0, 1, 2, 1, 1, 1, 0, 3, 1, 1, 3]
    expected = [
        *np.insert(bits(tiny_model, "the cat sat", (0, 2), (2, 3)), 1, 0),
        *bits(tiny_model, "the cat , sat", (0, 2), (2, 3), (3, 4)),
        *np.insert(bits(tiny_model, "voilà the zork sat", (0, 1), (1, 4)), 1, 0),
        *bits(tiny_model, "voilà , the zork sat", (0, 1), (1, 2), (2, 5)),
    ]
    assert [row["surprisal"] for row in rows] == pytest.approx(expected, abs=1e-5)
    assert rows[8]["oov"] == 1


def test_predictions_hold_as_the_surprisals_say(tiny_model, tmp_path):
    suite = read_suite(written(tmp_path, SUITE))
    expected = [
        bits(tiny_model, f"{start} , {rest}", (first + 1, last + 1))
        > bits(tiny_model, f"{start} {rest}", (first, last))
        for start, rest, first, last in [("the cat", "sat", 2, 3), ("voilà", "the zork sat", 1, 4)]
    ]

    assert [item.holds for item in measure_suite(tiny_model, suite, str.split)] == [[one] for one in expected]


def test_a_region_can_be_another_metric_of_its_tokens(tiny_model, tmp_path):
    one, other = (read_suite(written(tmp_path, changed("meta", "metric", to=name))) for name in ("sum", "mean"))

    sums, means = (
        [row["surprisal"] for row in region_rows(measure_suite(tiny_model, suite, str.split), suite)]
        for suite in (one, other)
    )

    assert means[0] == pytest.approx(sums[0] / 2, abs=1e-5)
    assert means[1] == sums[1] == 0


def test_a_table_of_regions_is_the_same_suite_without_predictions(tmp_path):
    (tmp_path / "tiny.csv").write_text(CSV)

    suite, given = (read_suite(tmp_path / "tiny.csv", formulas) for formulas in ([], [FORMULA]))

    assert (suite.name, suite.predictions, suite.region_names) == ("tiny", [], SUITE["region_meta"])
    assert [one.regions for one in suite.conditions] == [
        {"1": "the cat", "2": "", "3": " sat"},
        {"1": "the cat", "2": ",", "3": " sat"},
    ]
    assert [one.text for one in given.predictions] == [FORMULA]


def test_older_suites_have_their_predictions_as_texts(tmp_path):
    """Those of Hu et al. 2020: `predictions` is empty, and brackets are parentheses."""
    text = "[(3;%comma%) > (3;%none%) ] &  [[(3;%comma%) - (2;%comma%) ] > 0]"
    old = {**SUITE, "predictions": [], "meta": {"string_predictions": [text]}}

    assert [one.text for one in read_suite(written(tmp_path, old)).predictions] == [text]


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ([], "a.json is no SyntaxGym suite"),
        (changed("items", 1, "conditions", 0, "regions", 2, "content", to=None), "item 2, condition 'none', region 3 has no content"),
        (changed("items", 1, "conditions", 0, "condition_name", to=1), "item 2 has no condition_name"),
        (changed("items", 0, "conditions", to=[]), "item 1 has no condition"),
        (changed("items", 1, "conditions", 1, to=condition("comma", "a", "b")), "item 2 lacks region 3 of condition 'comma'"),
        (changed("items", 1, "conditions", 1, to=condition("comma", " ", "")), "item 2, condition 'comma' has no word"),
        (changed("predictions", 0, "formula", to="(1;%comma%) > (3;%noun%)"), "prediction 1, character 15: there is no condition 'noun', only none, comma"),
        (changed("predictions", 0, "formula", to="(1;%comma%) > (4;%none%)"), "prediction 1, character 15: condition 'none' has no region 4"),
        (changed("predictions", 0, "formula", to="(1;%comma%) >"), "prediction 1: character 14 of the formula: it ends"),
        (changed("predictions", 0, to={"type": "formula"}), "prediction 1 has no formula"),
        (changed("meta", "metric", to="mode"), "the suite's metric is 'mode'"),
        (changed("region_meta", to=[1]), "region_meta is not an object"),
    ],
)  # fmt: skip
def test_a_suite_that_cannot_be_read_is_refused_with_the_place(tmp_path, suite, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_suite(written(tmp_path, suite))
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CSV.replace("content", "text"), "has no column 'content'"),
        (CSV + "1,none,4,End,\n", "line 8: item 1, condition 'none' comes back after others"),
        (CSV + "1,comma,3,Verb,ran\n", "line 8: item 1, condition 'comma' has two regions 3"),
    ],
)
def test_a_table_that_is_no_suite_is_refused_with_the_row(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)

    with pytest.raises(UsageError, match=message):
        read_suite(tmp_path / "a.csv")


def test_a_region_that_splits_a_token_is_refused_with_its_condition(tiny_model, tmp_path):
    suite = read_suite(
        written(tmp_path, changed("items", 1, "conditions", 0, to=condition("none", "the c", "", "at sat")))
    )

    with pytest.raises(UsageError, match="item 2, condition 'none': the region 'the c' ends within the token 'cat'"):
        list(measure_suite(tiny_model, suite, lambda text: text.replace("c at", "cat").split()))


def test_accuracies_are_rows_of_predictions(tmp_path):
    from lmgen.items.accuracy import Accuracy

    [row] = prediction_rows(read_suite(written(tmp_path, SUITE)), [Accuracy(1, 2)])

    assert row == {
        "suite": "tiny",
        "prediction": 1,
        "formula": FORMULA,
        "items": 2,
        "correct": 1,
        "accuracy": 0.5,
        "low": 0.094531,
        "high": 0.905469,
    }
