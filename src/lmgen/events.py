"""What producers tell consumers."""

from dataclasses import dataclass


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

    sample: int
    """Of which continuation, from 0."""
    index: int
    """Its place in the continuation, from 0."""
    text: str
    logprob: float
    """ln of the word's probability in the model's own distribution, before any sampler."""


@dataclass(frozen=True)
class Ended:
    """A continuation is complete."""

    sample: int
    reason: str
    """`sentence`: the model wrote `</S>`; `length`: it has max_words words."""
    logprob: float
    """ln of the probability of that `</S>`; 0 where there is none."""
