import pytest

from lmgen.errors import UsageError
from lmgen.items.formula import parse_formula

VALUES = {("a", "1"): 3.0, ("a", "2"): 5.0, ("a", "*"): 8.0, ("b", "1"): 4.0, ("b-x_2", "1"): 4.0005}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1;%a%) < (1;%b%)", True),
        ("((1;%a%) > (1;%b%))", False),
        ("[ ( 1 ; %a% ) < (1;%b%) ] & [[(2;%a%) - (1;%a%)] > [(1;%b%) - 2.5]]", True),
        ("(*;%a%) = 8", True),
        ("(*;%a%) > (1;%a%) + (2;%a%)", False),
        ("(1;%b%) = (1;%b-x_2%)", True),
        ("(1;%b%) != (1;%b-x_2%)", False),
        ("(1;%b%) = (2;%a%)", False),
        ("(1;%a%) <= 3 & 3 >= (1;%a%)", True),
        ("10 - 3 - 2 = 5", True),
        ("12 / 2 * 3 = 18", True),
        ("2 + 3 * 4 = 14", True),
        ("(2 + 3) * 4 = 20", True),
        ("-2 + 3 = 1", True),
        ("2 * -3 = -6", True),
        ("0 < 1 | 0 > 1 & 0 > 1", True),
        ("(0 < 1 | 0 > 1) & 0 > 1", False),
        ("1 / 0 > 0 | 1 / 0 < 0", False),
    ],
)
def test_a_formula_is_read_as_arithmetic_is(text, expected):
    assert parse_formula(text).holds(VALUES) is expected


def test_a_formula_says_which_regions_it_needs_and_where():
    regions = parse_formula("[(1;%a%) < (*;%b%)]").regions

    assert [(one.condition, one.number, one.place) for one in regions] == [("a", "1", 2), ("b", "*", 12)]


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("", 1, "it ends where"),
        ("(1;%a%) >", 10, "it ends where"),
        ("(1;%a%) > & 2", 11, "'&' where a region"),
        ("((1;%a%) > 1", 1, r"'\(' is never closed"),
        ("((1;%a%) > 1]", 1, r"'\(' is never closed"),
        ("1 < 2)", 6, r"'\)' is one too many"),
        ("1 < 2 3", 7, "'3' is one too many"),
        ("(1;%a%)", 1, "it gives a number"),
        ("1 < 2 & (1;%a%)", 9, "'&' takes two truths"),
        ("[1 < 2] > 3", 2, "'>' takes two numbers"),
        ("-(1 < 2) < 1", 3, "'-' takes a number"),
        ("(1;a) > 2", 3, "';a\\) > 2' is no region"),
        ("  __import__ > 2", 3, "'__import__ >' is no region"),
    ],
)
def test_a_formula_that_is_none_is_refused_with_the_place(text, place, why):
    with pytest.raises(UsageError, match=why) as caught:
        parse_formula(text)
    assert str(caught.value).startswith(f"character {place} of the formula: ")


@pytest.mark.parametrize("text", ["(" * 199 + "1" + ")" * 199, "-" * 398 + "1 < 2", "1" + " + 1" * 5000 + " > 1"])
def test_a_formula_too_deep_or_too_long_is_refused(text):
    with pytest.raises(UsageError, match="nested too deeply|at most"):
        parse_formula(text)


def test_the_longest_formula_can_be_evaluated():
    assert parse_formula("1" + " + 1" * 198 + " > 1").holds({})
