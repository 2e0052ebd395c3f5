import math

import pytest

from lmgen.items.accuracy import Accuracy, Tally


@pytest.mark.parametrize(
    ("correct", "items", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_intervals_are_those_of_the_literature(correct, items, low, high):
    """Newcombe 1998, table I, method 3 (score without continuity correction); the last is the mirror of its 0 of 29."""
    assert Accuracy(correct, items).interval == pytest.approx((low, high), abs=5e-5)


def test_an_interval_holds_the_share_itself():
    for items in range(1, 40):
        for correct in range(items + 1):
            low, high = Accuracy(correct, items).interval
            assert 0 <= low <= correct / items <= high <= 1


def test_no_items_have_no_accuracy():
    assert math.isnan(Accuracy().share)
    [row] = Tally().rows()
    assert (row["items"], row["accuracy"], row["low"]) == (0, None, None)


def test_items_are_counted_by_each_column_they_have():
    tally = Tally(["UID", "field", "file"])
    for correct, uid, field in [(True, "b", "x"), (False, "a", "x"), (True, "b", "y")]:
        tally.add(correct, {"UID": uid, "field": field})

    rows = [(row["by"], row["value"], row["correct"], row["items"]) for row in tally.rows()]

    assert rows == [
        ("UID", "b", 2, 2),
        ("UID", "a", 0, 1),
        ("field", "x", 1, 2),
        ("field", "y", 1, 1),
        ("all", "", 2, 3),
    ]
