"""Predictions of SyntaxGym's suites: formulas over surprisals of regions, such as `(5;%a%) > (5;%b%)`.

In rising order of precedence: `|`; `&`; `<`, `>`, `=`, `<=`, `>=`, `!=`; `+`, `-`; `*`, `/`; a minus sign. `( )` and
`[ ]` group. `(5;%a%)` is region 5 of condition a, `(*;%a%)` the sum over its regions.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lmgen.errors import UsageError

WHOLE = "*"
"""The region's number in a formula that means all regions."""
RELATIVE, ABSOLUTE = 1e-5, 1e-3
"""How far values may differ that are equal, as in SyntaxGym 0.8."""
MOST = 400
"""Parts of a formula: each may be a call within a call."""
Values = Mapping[tuple[str, str], float]
"""Of (condition, region's number): a surprisal; region WHOLE is the sum of a condition's."""

_TOKEN = re.compile(
    r"\s*(?:(?P<region>\(\s*(?P<number>\d+|\*)\s*;\s*%(?P<condition>[^%]+)%\s*\))"
    r"|(?P<value>\d+\.?\d*|\.\d+)|(?P<mark><=|>=|!=|[-+*/<>=&|()\[\]]))"
)
_CLOSING = {"(": ")", "[": "]"}


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


_LEVELS: tuple[tuple[str, type, type, dict[str, Callable[..., float]]], ...] = (
    ("truth", bool, bool, {"|": operator.or_}),
    ("truth", bool, bool, {"&": operator.and_}),
    (
        "number",
        float,
        bool,
        {
            "<": operator.lt,
            ">": operator.gt,
            "=": _equal,
            "<=": operator.le,
            ">=": operator.ge,
            "!=": lambda one, other: not _equal(one, other),
        },
    ),
    ("number", float, float, {"+": operator.add, "-": operator.sub}),
    ("number", float, float, {"*": operator.mul, "/": lambda one, other: one / other if other else math.nan}),
)
"""(what operands must be, their type, the result's type, operators), those that bind least first."""


@dataclass(frozen=True)
class _Node:
    """A part of a formula."""

    kind: type
    """bool or float, what it gives."""
    place: int
    """Of its first character, from 0."""
    value: Callable[[Values], float]


@dataclass(frozen=True)
class Region:
    """A region that a formula names."""

    condition: str
    number: str
    place: int
    """Of its first character, from 1."""


@dataclass(frozen=True)
class Formula:
    """A prediction: it is true or false of an item."""

    text: str
    regions: tuple[Region, ...]
    holds: Callable[[Values], bool]
    """Whether it is true of an item with these surprisals."""


def parse_formula(text: str) -> Formula:
    """A formula. Raises UsageError with the place of what is wrong, counted in characters from 1."""
    parser = _Parser(text)
    try:
        node = parser.whole()
    except RecursionError as error:
        raise UsageError("the formula is nested too deeply") from error
    return Formula(text, tuple(parser.regions), lambda values: bool(node.value(values)))


def _tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each token with its place, from 0."""
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if not found:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise _error(
                start, f"{text[start : start + 12]!r} is no region such as (1;%condition%), number or operator"
            )
        yield found, found.end() - len(found[0].lstrip())
        place = found.end()


def _error(place: int, why: str) -> UsageError:
    return UsageError(f"character {place + 1} of the formula: {why}")


class _Parser:
    """Recursive descent: a method reads what binds at a level and above."""

    def __init__(self, text: str) -> None:
        self._tokens, self._next, self._end = list(_tokens(text)), 0, len(text.rstrip())
        if len(self._tokens) > MOST:
            raise UsageError(f"the formula has {len(self._tokens):,} parts, {MOST} are read at most")
        self.regions: list[Region] = []

    def whole(self) -> _Node:
        """The whole formula."""
        node = self._level(0)
        if self._next < len(self._tokens):
            found, place = self._tokens[self._next]
            raise _error(place, f"{found[0].strip()!r} is one too many")
        if node.kind is not bool:
            raise _error(node.place, "it gives a number; a prediction compares, with <, > or =")
        return node

    def _level(self, level: int) -> _Node:
        if level == len(_LEVELS):
            return self._operand()
        needed, takes, gives, operators = _LEVELS[level]
        left = self._level(level + 1)
        while (mark := self._mark()) in operators:
            self._next += 1
            right = self._level(level + 1)
            for side in (left, right):
                if side.kind is not takes:
                    raise _error(side.place, f"{mark!r} takes two {needed}s, and here is none")
            left = _joined(operators[mark], left, right, gives)
        return left

    def _operand(self) -> _Node:
        if self._next == len(self._tokens):
            raise _error(self._end, "it ends where a region, a number or a parenthesis is due")
        found, place = self._tokens[self._next]
        self._next += 1
        if found["region"]:
            region = Region(found["condition"], found["number"], place + 1)
            self.regions.append(region)
            return _Node(float, place, lambda values: values[region.condition, region.number])
        if found["value"]:
            return _Node(float, place, lambda _: float(found["value"]))
        if found["mark"] == "-":
            return self._negative(place)
        if found["mark"] not in _CLOSING:
            raise _error(place, f"{found['mark']!r} where a region, a number or a parenthesis is due")
        inner = self._level(0)
        if self._mark() != _CLOSING[found["mark"]]:
            raise _error(place, f"{found['mark']!r} is never closed")
        self._next += 1
        return inner

    def _negative(self, place: int) -> _Node:
        operand = self._operand()
        if operand.kind is not float:
            raise _error(operand.place, "'-' takes a number, and here is none")
        return _Node(float, place, lambda values: -operand.value(values))

    def _mark(self) -> str:
        return self._tokens[self._next][0]["mark"] or "" if self._next < len(self._tokens) else ""


def _joined(function: Callable[..., float], left: _Node, right: _Node, kind: type) -> _Node:
    return _Node(kind, left.place, lambda values: function(left.value(values), right.value(values)))
