"""The course of training as curves for TensorBoard."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lmgen.board.summaries import Writer, scalars
from lmgen.training import Saved, Trained, Validated

EVERY = 20
"""Steps between two scalars."""


def record_training(
    events: Iterable[Trained | Validated | Saved], folder: Path
) -> Iterator[Trained | Validated | Saved]:
    """Pass a training run's events on, and write its scalars.

    Tags: train/loss (nats), train/gradient_norm, train/rate, train/tokens; validation/perplexity.
    """
    writer = Writer(folder)
    for event in events:
        if isinstance(event, Trained) and event.step % EVERY == 0:
            values = {"loss": event.loss, "gradient_norm": event.norm, "rate": event.rate, "tokens": event.tokens}
            writer.write(event.step, scalars({f"train/{name}": value for name, value in values.items()}))
        if isinstance(event, Validated):
            writer.write(event.step, scalars({"validation/perplexity": event.perplexity}))
        writer.flush()
        yield event
    writer.close()
