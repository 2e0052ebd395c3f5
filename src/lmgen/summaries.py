"""Write TensorBoard's files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import tensorflow as tf

from lmgen.events import Saved, Trained, Validated

EVERY = 20
"""Steps between two scalars of training."""


def record_training(
    events: Iterable[Trained | Validated | Saved], folder: Path
) -> Iterator[Trained | Validated | Saved]:
    """Pass a training run's events on, and write its scalars.

    Tags: train/loss (nats), train/gradient_norm, train/rate, train/tokens; validation/perplexity.
    """
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for event in events:
            if isinstance(event, Trained) and event.step % EVERY == 0:
                tf.summary.scalar("train/loss", event.loss, event.step)
                tf.summary.scalar("train/gradient_norm", event.norm, event.step)
                tf.summary.scalar("train/rate", event.rate, event.step)
                tf.summary.scalar("train/tokens", event.tokens, event.step)
            if isinstance(event, Validated):
                tf.summary.scalar("validation/perplexity", event.perplexity, event.step)
                writer.flush()
            yield event
