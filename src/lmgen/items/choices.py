"""Choose the most likely of several sentences: minimal pairs and multiple choice."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmgen.errors import UsageError
from lmgen.items.accuracy import Accuracy
from lmgen.model import LanguageModel
from lmgen.scoring import BASES, Scored, Scoring, Sentence, decimals, reduced, score_sentences
from lmgen.text import Row, joined

CHOICE_COLUMNS = ("item_id", "best", "sentence", "scores", "log_ratio", "position", "parting", "correct")


@dataclass(frozen=True)
class Item:
    """Sentences to choose from."""

    candidates: list[list[str]]
    """Their words, two sentences or more."""
    answer: int | None = None
    """Which is right, from 0, if that is known."""
    extra: dict[str, Any] = field(default_factory=dict)
    prefix: list[str] = field(default_factory=list)
    """Words that are read before each candidate, and are not scored."""

    def __post_init__(self) -> None:
        if len(self.candidates) < 2:
            raise UsageError("there is nothing to choose from: an item has two sentences or more")
        if not all(self.candidates):
            raise UsageError("a sentence to choose from has no word: leave it out, or the item")
        if self.answer is not None and not 0 <= self.answer < len(self.candidates):
            raise UsageError(f"the label is {self.answer}, and must be 0 to {len(self.candidates) - 1}")


@dataclass(frozen=True)
class Chosen:
    """Which sentence of an item is the most likely."""

    item: Item
    scores: list[float]
    """Natural logarithm of each sentence's probability, or its mean per token."""
    best: int
    """The place of the most likely, from 0; of equals, the first."""
    log_ratio: float
    """What its score is above that of the second, in nats."""
    position: int | None
    """Where the two part: the first token that differs, from 1; None if they are the same."""
    parting: tuple[str, ...]
    """That token of each of the two, the best's first."""

    @property
    def correct(self) -> bool | None:
        """Whether the most likely is right, if that is known; where two are equally likely, none is."""
        return None if self.item.answer is None else self.best == self.item.answer and self.log_ratio > 0


class Choices(list[Chosen]):
    """What was chosen in each item, in order."""

    @property
    def accuracy(self) -> Accuracy:
        """Of the items whose answer is known."""
        known = [one.correct for one in self if one.correct is not None]
        return Accuracy(sum(known), len(known))


def choose_sentences(
    model: LanguageModel,
    items: Iterable[Item],
    options: Scoring = Scoring(),  # noqa: B008 (immutable)
    reduce: str = "sum",
) -> Iterator[Chosen]:
    """Choose the most likely sentence of each item, in order.

    Args:
      reduce: `sum` compares log-probabilities of whole sentences, `mean` those per token.
    """
    waiting: deque[Item] = deque()

    def sentences() -> Iterator[Sentence]:
        for item in items:
            waiting.append(item)
            yield from (Sentence(words, prefix=item.prefix) for words in item.candidates)

    scores: list[Scored] = []
    for scored in score_sentences(model, sentences(), options):
        scores.append(scored)
        if len(scores) == len(waiting[0].candidates):
            yield _chosen(waiting.popleft(), scores, reduce)
            scores = []


def _chosen(item: Item, scores: Sequence[Scored], reduce: str) -> Chosen:
    values = [reduced(scored, reduce) for scored in scores]
    best, second = np.argsort(-np.array(values), kind="stable")[:2].tolist()
    position, parting = _parting(scores[best].tokens, scores[second].tokens)
    return Chosen(item, values, best, values[best] - values[second], position, parting)


def _parting(one: Sequence[str], other: Sequence[str]) -> tuple[int | None, tuple[str, ...]]:
    for position, pair in enumerate(zip(one, other, strict=False), 1):
        if pair[0] != pair[1]:
            return position, pair
    return None, ()


def choice_rows(chosen: Iterable[Chosen], base: str) -> Iterator[Row]:
    """A row for every item: its own columns, then CHOICE_COLUMNS. scores and log_ratio are in units of the base."""
    unit = BASES[base]
    for number, one in enumerate(chosen, 1):
        values = (
            number,
            one.best + 1,
            " ".join(one.item.candidates[one.best]),
            [decimals(score / unit) for score in one.scores],
            decimals(one.log_ratio / unit),
            one.position,
            "/".join(one.parting),
            one.correct,
        )
        yield joined(one.item.extra, dict(zip(CHOICE_COLUMNS, values, strict=True)))
