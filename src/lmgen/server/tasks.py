"""What a client asks of the engine, and what the engine says."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from lmgen.errors import LmgenError, UsageError
from lmgen.generation import Ended, Generation, Limits, Sample, Step, Word
from lmgen.model import Context, LanguageModel, Screen, State, Unread
from lmgen.text import SENTENCE_START


class BusyError(LmgenError):
    """So much waits that no more is taken."""


@dataclass(frozen=True)
class Scores:
    """How likely each word of a text was, renormalised as `lmgen score` does: rows of the softmax without a word left out."""

    logprobs: list[float]
    """Natural logarithms, one for each word after `<S>`."""
    alternatives: list[list[tuple[str, float]]]
    """The most likely words at each place and theirs, the most likely first."""


@dataclass(frozen=True)
class Vector:
    """What the model knows after a text: the top layer's h, float32 [projection]."""

    hidden: np.ndarray


@dataclass(frozen=True)
class Done:
    """Nothing more is to come."""

    error: LmgenError | None = None
    """Why not all came that was asked for."""


Event = Word | Ended | Scores | Vector | Done


@dataclass(eq=False)
class Task:
    """A text to read, and what is wanted of it."""

    words: tuple[str, ...]
    """Without the `<S>` that begins it."""
    options: Generation | None = None
    """Continuations to write, if any."""
    number: int = 0
    """The prompt's place in its request, from 0: it is part of the seed."""
    scored: int | None = None
    """How many alternatives to report with the score of each word; None for no scores."""
    vector: bool = False
    """Whether the vector after the text is wanted."""
    listener: Callable[[Event], None] = lambda _event: None
    """Called with every event, by the thread that the engine posts to."""
    cancelled: bool = False
    """The client is gone."""
    began: float = field(default_factory=time.monotonic)
    parts: int = 0
    """What of it is still to come: continuations, scores, vector."""

    def __post_init__(self) -> None:
        self.parts = (self.options.samples if self.options else 0) + (self.scored is not None) + self.vector

    @property
    def whole(self) -> tuple[str, ...]:
        """Its words, from `<S>` on."""
        return (SENTENCE_START, *self.words)


class Prompt(Unread):
    """A task's text while it is read."""

    def __init__(self, task: Task, unread: Unread, key: tuple[str, ...]) -> None:
        super().__init__(unread.words, unread.state, [] if task.scored is not None else None)
        self.task, self.key = task, key


class Continuation(Sample):
    """One of a task's samples. If nothing is left to write, it ends alone, and the batch continues."""

    def __init__(self, model: LanguageModel, task: Task, sample: int, context: Context) -> None:
        assert task.options
        super().__init__(model, task.number, sample, context, task.options)
        self.task = task
        self.error: UsageError | None = None
        self.last = time.monotonic()

    def write(
        self, logits: np.ndarray, limits: Limits, screen: Screen | None, memory: State | None
    ) -> Iterator[Step | Word | Ended]:
        try:
            yield from super().write(logits, limits, screen, memory)
        except UsageError as error:
            self.error = error
            yield Ended(self.prompt, self.sample, "refused", 0.0)
