"""Choose the most likely of several sentences: minimal pairs and multiple choice."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Scored, Sentence, score_sentences


@dataclass(frozen=True)
class Item:
    """Sentences to choose from."""

    candidates: list[list[str]]
    """Their words, two sentences or more."""
    answer: int | None = None
    """Which is right, from 0, if that is known."""
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(self.candidates):
            raise UsageError("a sentence to choose from has no word: leave it out, or the item")


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


def reduced(scored: Scored, reduce: str) -> float:
    """The `sum` of a sentence's log-probabilities, its `</S>` included, or their `mean`, in nats."""
    return float(scored.logprobs.sum() if reduce == "sum" else scored.logprobs.mean())


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
            yield from map(Sentence, item.candidates)

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
