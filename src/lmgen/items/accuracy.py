"""Accuracy: of all items and of groups of them, each with its interval."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lmgen.scoring import decimals
from lmgen.text import Row

Z = 1.959964
"""Standard deviations on each side of the mean that hold 95 % of a normal distribution."""
SUMMARY_COLUMNS = ("by", "value", "items", "correct", "accuracy", "low", "high")


@dataclass
class Accuracy:
    """How many of a number of items came out right."""

    correct: int = 0
    items: int = 0

    @property
    def share(self) -> float:
        """Of the items, those that came out right, 0 to 1; NaN of none."""
        return self.correct / self.items if self.items else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % score interval (Wilson 1927), 0 <= low <= share <= high <= 1; NaN of no items."""
        if not self.items:
            return math.nan, math.nan
        count, share = self.items, self.share
        middle = share + Z**2 / (2 * count)
        width = Z * math.sqrt(share * (1 - share) / count + (Z / (2 * count)) ** 2)
        low, high = ((middle + sign * width) / (1 + Z**2 / count) for sign in (-1, 1))
        return max(0.0, min(low, share)), min(1.0, max(high, share))  # rounding must not exclude the share itself

    def add(self, correct: bool) -> None:
        """Count an item."""
        self.items += 1
        self.correct += correct

    def __str__(self) -> str:
        if not self.items:
            return "no item"
        low, high = self.interval
        return f"{self.share:.4f} ({self.correct:,} of {self.items:,}), 95 % interval {low:.4f} to {high:.4f}"


class Tally:
    """The accuracy of all items, and of those with the same value in a column.

    Args:
      columns: items are grouped by each of these, in the order in which values come up.
    """

    def __init__(self, columns: Iterable[str] = ()) -> None:
        self.all = Accuracy()
        self.groups: dict[str, dict[str, Accuracy]] = {name: {} for name in columns}

    def add(self, correct: bool, record: Row) -> None:
        """Count an item with these columns; those it lacks are passed over."""
        self.all.add(correct)
        for name, groups in self.groups.items():
            if name in record:
                groups.setdefault(str(record[name]), Accuracy()).add(correct)

    def rows(self) -> Iterator[Row]:
        """A row of SUMMARY_COLUMNS for every group, and one for all items."""
        for name, groups in self.groups.items():
            for value, accuracy in groups.items():
                yield summary_row(name, value, accuracy)
        yield summary_row("all", "", self.all)


def summary_row(by: str, value: str, accuracy: Accuracy) -> Row:
    """SUMMARY_COLUMNS of some items."""
    return dict(zip(SUMMARY_COLUMNS, (by, value, *accuracy_values(accuracy)), strict=True))


def accuracy_values(accuracy: Accuracy) -> Sequence[object]:
    """Items, correct, accuracy, low, high; None for what is not a number."""
    shares = [None if math.isnan(value) else decimals(value) for value in (accuracy.share, *accuracy.interval)]
    return accuracy.items, accuracy.correct, *shares
