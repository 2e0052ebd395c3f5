"""What is chosen of a training: how the model learns, and how long."""

import math
from dataclasses import dataclass

from lmgen.checkpoint import Shape

OPTIMIZERS, PRECISIONS = ("muon", "adam"), ("bfloat16", "float32")
DISTRIBUTIONS = ("auto", "tf-config", "slurm")
"""Where processes that train together learn of each other."""
DECAY = 0.15
"""Share of the budget over whose end the learning rate falls to zero, where the weights are averaged."""


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    shape: Shape
    words: int = 30000
    """Size of the vocabulary, the three marks included."""
    window: int = 20
    """Words of a window: how far back-propagation reaches."""
    batch: int = 128
    """Streams of text read side by side."""
    optimizer: str = "muon"
    """`muon`: Muon for the matrices of LSTM, highways and projections, Adam for the rest; `adam`: Adam for all."""
    rate: float = 5e-3
    """Adam's highest learning rate."""
    muon_rate: float = 0.02
    """Muon's."""
    warmup: int = 200
    """Steps until they are reached."""
    average: bool = True
    """The rates are constant but for the end, and the weights' average is what is validated and written; else the
    rates fall from the warm-up on."""
    clip: float = 1.0
    """Highest norm of the gradient of the mean loss."""
    dropout: float = 0.0
    """Share of every layer's inputs and of the top output set to zero, 0 <= dropout < 1."""
    candidates: int = 4096
    """Softmax rows a step looks at, or more where a batch needs them; at least `words` for the full softmax."""
    frequent: int = 2048
    """So many most frequent words are always among them; half of the candidates at most."""
    context: str = "sentence"
    """`sentence`: the memory is emptied where a sentence begins; `stream`: it never is."""
    precision: str = "bfloat16"
    """Of the matrix products: `bfloat16` or `float32`."""
    seed: int = 1


@dataclass(frozen=True)
class Budget:
    """When training ends; the learning rate falls to zero by then. One of the two is set."""

    steps: int | None = None
    hours: float | None = None

    def spent(self, steps: int, seconds: float) -> float:
        """The share that is spent, 0 to 1."""
        share = steps / self.steps if self.steps else seconds / 3600 / (self.hours or math.inf)
        return min(1.0, share)


@dataclass(frozen=True)
class About:
    """What is reported of the model, how long it trains, and how often it is saved."""

    name: str
    description: str
    licence: str
    budget: Budget
    temperature: float = 0.7
    """With top_p what is written into `model.toml` for whoever says nothing: what reads best of a small model."""
    top_p: float = 0.95
    snapshot_minutes: float = 5.0
    """A snapshot is written so often."""
    validation_minutes: float = 20.0
    """The perplexity is measured, and the model written, so often."""


def rate_factor(recipe: Recipe, step: int, spent: float) -> float:
    """What a step's learning rates are multiplied by, 0 to 1: a linear rise over the warm-up, a linear fall to zero.

    The fall begins with the last DECAY of the budget where the weights are averaged, else at once.
    """
    fall = min(1.0, (1 - spent) / (DECAY if recipe.average else 1.0))
    return min(1.0, (step + 1) / recipe.warmup) * fall
