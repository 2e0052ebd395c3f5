"""Scores of texts that were read: hidden states of many texts pass the softmax in one block."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from lmgen.model import LanguageModel
from lmgen.server.tasks import Prompt, Scores, Task
from lmgen.softmax import log_total, most_likely

BLOCK = 1 << 23
"""Logits computed at once, 32 MB of them."""
MOST_POSITIONS, LEAST_POSITIONS = 64, 8


@dataclass(eq=False)
class _Unscored:
    task: Task
    hidden: list[np.ndarray]
    """That which predicts each word, float32 [projection]."""
    targets: list[int]
    found: Scores = field(default_factory=lambda: Scores([], []))


class Scorer:
    """Texts that wait for their scores, in order."""

    def __init__(self, model: LanguageModel) -> None:
        self._model, self._words = model, len(model.vocabulary)
        self._block = min(MOST_POSITIONS, max(LEAST_POSITIONS, BLOCK // self._words))
        self.waiting: deque[_Unscored] = deque()

    def add(self, prompt: Prompt) -> None:
        """A text that was read with its hidden states kept."""
        targets = [self._model.vocabulary.id(word) for word in prompt.task.words]
        self.waiting.append(_Unscored(prompt.task, (prompt.hidden or [])[: len(targets)], targets))

    def step(self) -> list[tuple[Task, Scores]]:
        """Score a block of words. Returns the scores of the texts that are complete."""
        block: list[tuple[_Unscored, int]] = []
        for text in self.waiting:
            begin = len(text.found.logprobs)
            block += [(text, place) for place in range(begin, len(text.targets))][: self._block - len(block)]
        if block:
            self._score(block)
        complete = [text for text in self.waiting if len(text.found.logprobs) == len(text.targets)]
        self.waiting = deque(text for text in self.waiting if text not in complete)
        return [(text.task, text.found) for text in complete]

    def _score(self, block: list[tuple[_Unscored, int]]) -> None:
        hidden = np.stack([text.hidden[place] for text, place in block])
        logits = self._model.logits_of(hidden)[:, : self._words]
        for row, (text, place) in zip(logits, block, strict=True):
            total = log_total(row).item()
            count = text.task.scored or 0
            best = most_likely(row, count).tolist() if count else []
            text.found.logprobs.append(float(row[text.targets[place]]) - total)
            text.found.alternatives.append(
                [(self._model.vocabulary.word(one), float(row[one]) - total) for one in best]
            )
