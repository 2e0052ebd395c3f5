"""SyntaxGym's test suites: items in several conditions, each a row of regions, and predictions about their surprisals."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from lmgen.errors import UsageError
from lmgen.items.formula import WHOLE, Formula, parse_formula
from lmgen.text import TABLES, InputFormat, kind_of, read_lines, read_records

METRICS = ("sum", "mean", "median", "min", "max", "range")
"""What a region's surprisal may be, of those of its tokens."""
CSV_COLUMNS = ("item_number", "condition_name", "region_number", "content")
REGION_NAME = "region_name"
"""A column that a table may have besides."""


@dataclass(frozen=True)
class Condition:
    """One version of an item: its text in regions."""

    item: str
    """The item's number."""
    name: str
    regions: dict[str, str]
    """The text of each region by its number; it may be empty."""
    place: str
    """In its file, for messages."""


@dataclass(frozen=True)
class Suite:
    """A test suite."""

    name: str
    conditions: Sequence[Condition]
    """Those of an item stand together."""
    predictions: Sequence[Formula] = ()
    region_names: Mapping[str, str] = field(default_factory=dict)
    metric: str = "sum"
    """One of METRICS."""

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise UsageError(f"the suite's metric is {self.metric!r}; there are {', '.join(METRICS)}")
        known: dict[str, set[str]] = {}
        for condition in self.conditions:
            known.setdefault(condition.name, set()).update(condition.regions)
        for number, formula in enumerate(self.predictions, 1):
            _check(formula, number, known)
        for item in self.items:
            _check_item(item, self.predictions)

    @property
    def items(self) -> Iterator[list[Condition]]:
        """The conditions of each item."""
        for _, conditions in groupby(self.conditions, lambda condition: condition.item):
            yield list(conditions)


def _check(formula: Formula, number: int, known: Mapping[str, set[str]]) -> None:
    for region in formula.regions:
        place = f"prediction {number}, character {region.place}"
        if region.condition not in known:
            raise UsageError(f"{place}: there is no condition {region.condition!r}, only {', '.join(known)}")
        if region.number not in (WHOLE, *known[region.condition]):
            raise UsageError(f"{place}: condition {region.condition!r} has no region {region.number}")


def _check_item(conditions: Sequence[Condition], predictions: Iterable[Formula]) -> None:
    regions = {(one.name, number) for one in conditions for number in (*one.regions, WHOLE)}
    for region in (region for formula in predictions for region in formula.regions):
        if (region.condition, region.number) not in regions:
            what = f"region {region.number} of condition {region.condition!r}, which a prediction names"
            raise UsageError(f"item {conditions[0].item} lacks {what}")


def read_suite(path: Path, formulas: Sequence[str] = (), form: InputFormat = InputFormat()) -> Suite:  # noqa: B008
    """A suite as SyntaxGym publishes it: JSON, or a table with CSV_COLUMNS, which holds no predictions.

    Args:
      formulas: predictions instead of the suite's own.

    Raises UsageError, naming the place in the file.
    """
    tabular = form.kind is not None or kind_of(path) in TABLES
    conditions, document = _of_table(path, form) if tabular else _of_json(path, form)
    meta, names = (_object(document, key, path) for key in ("meta", "region_meta"))
    name = str(meta.get("name") or path.name.partition(".")[0])
    try:
        predictions = _predictions(document, meta, formulas)
        return Suite(name, conditions, predictions, names, str(meta.get("metric") or "sum"))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _object(document: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key} is not an object")
    return value


def _predictions(document: dict[str, Any], meta: dict[str, Any], formulas: Sequence[str]) -> list[Formula]:
    """Those given, or the suite's own, which older suites have as texts among their `meta`."""
    texts: list[Any] = list(formulas) or [_formula(one) for one in document.get("predictions") or ()]
    found: list[Formula] = []
    for number, text in enumerate(texts or meta.get("string_predictions") or (), 1):
        if not isinstance(text, str):
            raise UsageError(f"prediction {number} has no formula")
        try:
            found.append(parse_formula(text))
        except UsageError as error:
            raise UsageError(f"prediction {number}: {error}") from error
    return found


def _formula(prediction: Any) -> Any:
    return prediction.get("formula") if isinstance(prediction, dict) else prediction


def _of_json(path: Path, form: InputFormat) -> tuple[list[Condition], dict[str, Any]]:
    try:
        document = json.loads("".join(read_lines(path, form.encoding)))
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {error.lineno} is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise UsageError(f"{path} cannot be read: it is nested too deeply") from error
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise UsageError(f"{path} is no SyntaxGym suite: it is not an object with a list of items")
    found: list[Condition] = []
    for number, item in enumerate(document["items"], 1):
        place = f"{path}, item {number}"
        name = str(_part(item, "item_number", place, (int, str), number))
        conditions = _part(item, "conditions", place, list)
        if not conditions:
            raise UsageError(f"{place} has no condition")
        found += [_condition(one, name, place) for one in conditions]
    return found, document


def _condition(condition: Any, item: str, place: str) -> Condition:
    name = _part(condition, "condition_name", place, str)
    place = f"{place}, condition {name!r}"
    regions: dict[str, str] = {}
    for count, region in enumerate(_part(condition, "regions", place, list), 1):
        number = str(_part(region, "region_number", f"{place}, region {count}", (int, str), count))
        regions[number] = _part(region, "content", f"{place}, region {number}", str)
    return _checked(Condition(item, name, regions, place))


def _part(holder: Any, name: str, place: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    value = holder.get(name, default) if isinstance(holder, dict) else None
    if not isinstance(value, kind):
        raise UsageError(f"{place} has no {name}, or one of the wrong type")
    return value


def _of_table(path: Path, form: InputFormat) -> tuple[list[Condition], dict[str, Any]]:
    found: dict[tuple[str, str], Condition] = {}
    names: dict[str, str] = {}
    last: tuple[str, str] | None = None
    for record, place in read_records(path, CSV_COLUMNS, form):
        item, name, number, content = (record[column] for column in CSV_COLUMNS)
        if (item, name) != last and (item, name) in found:
            raise UsageError(f"{place}: item {item}, condition {name!r} comes back after others: put its rows together")
        last = item, name
        condition = found.setdefault(last, Condition(item, name, {}, place))
        if number in condition.regions:
            raise UsageError(f"{place}: item {item}, condition {name!r} has two regions {number}")
        condition.regions[number] = content
        names[number] = str(record.get(REGION_NAME, ""))
    return [_checked(condition) for condition in found.values()], {"region_meta": names}


def _checked(condition: Condition) -> Condition:
    if not any(text.strip() for text in condition.regions.values()):
        raise UsageError(f"{condition.place} has no word")
    return condition
