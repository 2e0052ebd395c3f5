"""Surprisals of a suite's regions, and whether its predictions hold."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lmgen.items.accuracy import Accuracy, accuracy_values
from lmgen.items.formula import WHOLE
from lmgen.items.suites import Condition, Suite
from lmgen.model import LanguageModel
from lmgen.scoring import BASES, Scored, Scoring, Sentence, decimals, parts_of, score_sentences
from lmgen.text import Row

REGION_COLUMNS = (
    *("suite", "item_number", "condition_name", "region_number", "region_name", "content"),
    *("tokens", "surprisal", "oov"),
)
ITEM_COLUMNS = ("suite", "item_number", "prediction", "formula", "correct")
PREDICTION_COLUMNS = ("suite", "prediction", "formula", "items", "correct", "accuracy", "low", "high")
_METRICS: dict[str, Callable[[np.ndarray], float]] = {
    "sum": np.sum,
    "mean": np.mean,
    "median": np.median,
    "min": np.min,
    "max": np.max,
    "range": np.ptp,
}


@dataclass(frozen=True)
class Measured:
    """A region and its scores."""

    number: str
    tokens: int
    surprisal: float
    """The suite's metric of its tokens' surprisals, in units of the base; 0 where it has no token."""
    oov: int


@dataclass(frozen=True)
class MeasuredItem:
    """An item of a suite: regions of all conditions, and the predictions that hold."""

    conditions: list[tuple[Condition, list[Measured]]]
    holds: list[bool]
    """Of each prediction of the suite."""


def measure_suite(
    model: LanguageModel,
    suite: Suite,
    split: Callable[[str], list[str]],
    options: Scoring = Scoring(),  # noqa: B008 (immutable)
    base: str = "2",
) -> Iterator[MeasuredItem]:
    """Measure the items of a suite, in order; the end of a sentence is not scored.

    Raises UsageError, naming the condition, where a region's end splits a token.
    """
    sentences = (_sentence(condition, split) for condition in suite.conditions)
    scores = score_sentences(model, sentences, replace(options, end=False))
    for conditions in suite.items:
        found = [(one, _measured(next(scores), one, suite.metric, BASES[base])) for one in conditions]
        values = {(one.name, region.number): region.surprisal for one, regions in found for region in regions}
        values |= {(one.name, WHOLE): sum(region.surprisal for region in regions) for one, regions in found}
        yield MeasuredItem(found, [formula.holds(values) for formula in suite.predictions])


def _sentence(condition: Condition, split: Callable[[str], list[str]]) -> Sentence:
    """The regions of a condition with spaces between; those without a word take no space."""
    text, regions = "", []
    for content in map(str.strip, condition.regions.values()):
        start = len(text) + bool(text and content)
        text = f"{text} {content}" if text and content else text + content
        regions.append((start, len(text)))
    return Sentence(split(text), text=text, regions=regions, place=condition.place)


def _measured(scored: Scored, condition: Condition, metric: str, unit: float) -> list[Measured]:
    parts = [part for part in parts_of(scored, "region") if not part.is_end]
    surprisals, found = -scored.logprobs / unit, []
    for number, part in zip(condition.regions, parts, strict=True):
        places = list(part.tokens)
        value = float(_METRICS[metric](surprisals[places])) if places else 0.0
        found.append(Measured(number, len(places), value, int(scored.oov[places].sum())))
    return found


def region_rows(items: Iterable[MeasuredItem], suite: Suite) -> Iterator[Row]:
    """A row of REGION_COLUMNS for each region of each condition."""
    for item in items:
        for condition, regions in item.conditions:
            for one in regions:
                name, content = str(suite.region_names.get(one.number, "")), condition.regions[one.number].strip()
                place = (suite.name, condition.item, condition.name, one.number, name, content)
                values = (*place, one.tokens, decimals(one.surprisal), one.oov)
                yield dict(zip(REGION_COLUMNS, values, strict=True))


def item_rows(items: Iterable[MeasuredItem], suite: Suite) -> Iterator[Row]:
    """A row of ITEM_COLUMNS for each item and prediction."""
    for item in items:
        for number, (formula, holds) in enumerate(zip(suite.predictions, item.holds, strict=True), 1):
            values = (suite.name, item.conditions[0][0].item, number, formula.text, holds)
            yield dict(zip(ITEM_COLUMNS, values, strict=True))


def prediction_rows(suite: Suite, accuracies: Sequence[Accuracy]) -> Iterator[Row]:
    """A row of PREDICTION_COLUMNS for each prediction: in how many items it holds."""
    for number, (formula, accuracy) in enumerate(zip(suite.predictions, accuracies, strict=True), 1):
        values = (suite.name, number, formula.text, *accuracy_values(accuracy))
        yield dict(zip(PREDICTION_COLUMNS, values, strict=True))
