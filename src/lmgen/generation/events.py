"""What producers tell consumers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trained:
    """One training step was made."""

    step: int
    tokens: int
    """Read since training began, over all runs."""
    seconds: float
    """Spent since training began, over all runs."""
    loss: float
    """Mean surprisal of the step's targets, in nats, over its candidates."""
    norm: float
    """Of the gradient, before clipping."""
    rate: float
    spent: float
    """Share of the budget, 0 to 1."""


@dataclass(frozen=True)
class Validated:
    """The held-back sentences were predicted."""

    step: int
    tokens: int
    perplexity: float
    """Over the full softmax, `<UNK>` a target, the memory empty at each sentence's start."""
    targets: int
    """Words predicted, the ends of the sentences included."""


@dataclass(frozen=True)
class Saved:
    """A snapshot to resume from was written."""

    step: int


@dataclass(frozen=True)
class Word:
    """A word was written."""

    prompt: int
    """Going on from which prompt, from 0."""
    sample: int
    """In which of its continuations, from 0."""
    index: int
    """Its place in the continuation, from 0."""
    text: str
    """`</S>` only where a sentence ends and another is to follow."""
    logprob: float
    """ln of the word's probability in the model's own distribution, before constraints and samplers."""
    interval: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """The uniform draw, and where the word's share begins and ends among the cumulated shares."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The likeliest words in the model's own distribution with their probabilities, if asked for."""
    entropy: float | None = None
    """Of the model's own distribution, in bits, if asked for."""
    masked: float | None = None
    """The share of the distribution that constraints ruled out, if asked for."""


@dataclass(frozen=True, eq=False)
class Step:
    """A word, or the `</S>` of a sentence's end, was chosen; what is told of it comes next.

    Not to be kept: its arrays are large.
    """

    prompt: int
    sample: int
    text: str
    logprob: float
    """By `logits`, in nats."""
    logits: np.ndarray
    """The model's own, float32 [softmax rows]."""
    allowed: np.ndarray
    """After constraints and samplers; -inf is ruled out."""
    state: tuple[np.ndarray, ...]
    """The memory that predicted it, of one row."""


@dataclass(frozen=True)
class Ended:
    """A continuation is complete."""

    prompt: int
    sample: int
    reason: str
    """`sentence`: the model wrote `</S>`; `length`: it has max_words words; `stop`: a stop text came."""
    logprob: float
    """ln of the probability of that `</S>`; 0 where there is none."""


@dataclass(frozen=True)
class Waiting:
    """Another process is bringing the same model; this one goes on when it is done."""

    model: str


@dataclass(frozen=True)
class Received:
    """More of a file came."""

    file: str
    size: int
    """Bytes that are here now; fewer than before where the file is begun again."""
    total: int
    """Bytes of the whole file; 0 if not known yet."""


@dataclass(frozen=True)
class Failed:
    """An attempt at a file failed; another follows."""

    file: str
    problem: str
    seconds: float
    """How long it waits before."""


@dataclass(frozen=True)
class Placed:
    """A file is verified and in its place."""

    file: str
    size: int
    fetched: bool
    """False if it was there already."""


@dataclass(frozen=True)
class Begun:
    """A contender of a benchmark begins with something."""

    contender: str
    what: str


@dataclass(frozen=True)
class Measured:
    """A contender of a benchmark had its turn."""

    contender: str
    measure: str
    """What was measured, and in which unit."""
    round: int
    """Values of a measure in the same round were taken one after the other."""
    value: float


@dataclass(frozen=True)
class Apart:
    """Contenders do not fit into memory together: each of them meets this one alone."""

    contender: str
