"""Processes that train one model together, each on streams of its own, on one machine or many.

Of TensorFlow's MultiWorkerMirroredStrategy only the collectives are used: gradients are reduced, and every process
makes the same step on weights of its own, which stay equal to the last bit.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from lmgen.errors import LmgenError, UsageError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Replicas:
    """The processes that train together, of which this is one; without a strategy it is alone.

    Args:
      precision: of gradients on the network, `float32` or `bfloat16`.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None, precision: str = "float32") -> None:
        self._strategy, self._dtype = strategy, tf.as_dtype(precision)
        self._signal: int | None = None
        self.count = strategy.num_replicas_in_sync if strategy else 1
        self.index = int(tf.function(lambda: strategy.run(_own_index))()) if strategy else 0
        self._agreed = tf.function(self.mean, autograph=False)

    @property
    def is_chief(self) -> bool:
        """Whether it writes snapshots, models and the board."""
        return self.index == 0

    def own(self, streams: int) -> slice:
        """Which of some streams are this process's. Raises UsageError if they cannot be shared out evenly."""
        if streams % self.count:
            raise UsageError(f"{streams} streams cannot be shared by {self.count} processes: change --batch")
        share = streams // self.count
        return slice(self.index * share, (self.index + 1) * share)

    def mean(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The mean of each tensor over all processes, in its own dtype; IndexedSlices must be dense before."""
        return self._reduced(tf.distribute.ReduceOp.MEAN, tensors)

    def mean_gradients(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The same of gradients, at the precision of the network."""
        found = self.mean([tf.cast(gradient, self._dtype) for gradient in gradients])
        return [tf.cast(gradient, tf.float32) for gradient in found]

    def sum(self, values: Sequence[float]) -> list[float]:
        """Sums over all processes."""
        return [
            self.count * float(value) for value in self._agreed([tf.constant(value, tf.float64) for value in values])
        ]

    def gathered(self, rows: tf.Tensor) -> np.ndarray:
        """The rows of all processes, in their order: float32 [rows * count, columns]."""
        padded = np.zeros((self.count * rows.shape[0], rows.shape[1]), np.float32)
        padded[self.own(len(padded))] = rows
        return self.count * np.asarray(self._agreed([tf.constant(padded)])[0])

    def clock(self, seconds: float) -> tf.Tensor:
        """A time, and 1 if this process was asked to end: float64 [2], to be averaged over all processes."""
        return tf.constant([seconds, float(self._signal is not None)], tf.float64)

    @contextmanager
    def together(self) -> Iterator[Callable[[], None]]:
        """While processes train: a signal to one ends all after the same step, a second one ends it at once.

        Yields what ends this process as the signal would have. Raises LmgenError if another process has gone.
        """
        if not self._strategy:
            yield lambda: None
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}

        def note(number: int, _frame: Any) -> None:
            self._signal = number
            restore()

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def end() -> None:
            restore()
            signal.raise_signal(self._signal or signal.SIGINT)

        for number in before:
            signal.signal(number, note)
        try:
            yield end
        except tf.errors.OpError as error:
            raise LmgenError("another process of this training has gone: start all again with --resume") from error
        finally:
            restore()

    def _reduced(self, operation: tf.distribute.ReduceOp, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        if not self._strategy:
            return list(tensors)
        return list(self._strategy.run(_reduce, args=(operation, *tensors)))


def _reduce(operation: tf.distribute.ReduceOp, *tensors: tf.Tensor) -> list[tf.Tensor]:
    placed = list(map(tf.identity, tensors))  # here they are on this process's device, which the collective needs
    return tf.distribute.get_replica_context().all_reduce(operation, placed)


def _own_index() -> tf.Tensor:
    return tf.distribute.get_replica_context().replica_id_in_sync_group
