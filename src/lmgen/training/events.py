"""What a training run reports."""

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
