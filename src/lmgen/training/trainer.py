"""Training steps on truncated back-propagation, and snapshots to continue from.

The recipe is Muon and Adam (`optimizers`) with a warm-up, a constant rate and a decay to zero over the last part of
the steps or hours given, the weights averaged, clipping by global norm, the state carried from window to window, and
a softmax over candidates (`batches.choose_candidates`).
"""

import itertools
import json
import math
import time
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import Shape, weight_shapes
from lmgen.errors import IntegrityError, LmgenError, MissingError
from lmgen.text import Vocabulary, whole_file
from lmgen.training import network
from lmgen.training.batches import (
    BUCKETS,
    Spelling,
    Window,
    ahead,
    choose_candidates,
    columns,
    in_vocabulary,
    windows,
)
from lmgen.training.corpus import BOUNDARY, Corpus
from lmgen.training.events import Trained, Validated
from lmgen.training.optimizers import Average, optimizers
from lmgen.training.recipe import Budget, Recipe, rate_factor
from lmgen.training.replicas import Replicas


class StoppedError(Exception):
    """One of several processes was asked to end."""


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    position: tuple[int, int] = (0, 0)
    """The epoch and window to read next."""


def initial_weights(shape: Shape, counts: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Weights to start from, float32, distributed as in the release's graph.

    Except the softmax's biases: `counts` [words] make them the log of each word's frequency, and rows
    that belong to no word get -100, so that they never take part.
    """
    rng = np.random.default_rng(seed)
    weights = {}
    for name, size in weight_shapes(shape).items():
        if name == "softmax/b":
            weights[name] = np.full(size, -100.0)
            weights[name][: len(counts)] = np.log((counts + 1) / (counts + 1).sum())
        elif name.endswith(("/b", "/B")):
            weights[name] = np.zeros(size)
        elif name.startswith("lstm"):
            weights[name] = rng.uniform(-1, 1, size) / np.sqrt(2 * (shape.cells + shape.projection))
        elif name.endswith("kernel"):
            weights[name] = rng.uniform(-0.05, 0.05, size)
        elif name == "char_embedding/W":
            weights[name] = rng.uniform(-1, 1, size)
        else:
            weights[name] = rng.normal(0, size[1 if name == "softmax/W" else 0] ** -0.5, size)
    return {name: value.astype(np.float32) for name, value in weights.items()}


class StepInputs(NamedTuple):
    """What a training step is computed from, beside weights and memories: tensors, or their specifications."""

    buckets: Any
    """Character ids of the window's distinct words, short ones and long ones: int32 [words, length] each."""
    index: Any
    """Where each word of the window stands among them, int32 [steps, batch]."""
    keep: Any
    """1 where the memory is kept before a word, 0 where it is emptied: float32 [steps, batch, 1]."""
    ids: Any
    """The softmax rows looked at, int32 [candidates]."""
    correction: Any
    """Added to their logits, float32 [candidates]."""
    labels: Any
    """Where each target stands among the candidates, int32 [steps * batch]."""


class BegunStep(NamedTuple):
    """A step whose numbers may still be on their way."""

    before: Progress
    after: Progress
    rate: float
    spent: float
    loss: tf.Tensor
    norm: tf.Tensor
    clock: tf.Tensor
    """Seconds, and whether to end: means over all processes, float64 [2]."""


class Trainer:
    """Weights, what the optimizers remember, the streams' states, and the steps that change them.

    Args:
      replicas: who trains together; each has some of the recipe's streams.
    """

    def __init__(
        self, recipe: Recipe, corpus: Corpus, vocabulary: Vocabulary, replicas: Replicas | None = None
    ) -> None:
        self.replicas = replicas or Replicas()
        self._own = self.replicas.own(recipe.batch)
        self._streams = self._own.stop - self._own.start
        counts = np.bincount(in_vocabulary(corpus.tokens, vocabulary), minlength=len(vocabulary))
        weights = initial_weights(recipe.shape, counts, recipe.seed)
        self.recipe, self.vocabulary = recipe, vocabulary
        if recipe.precision == "float32":
            tf.config.experimental.enable_tensor_float_32_execution(False)  # GPUs round products to 10 bits with it
        self.weights = {name: tf.Variable(value) for name, value in weights.items()}
        self._dtype = tf.as_dtype(recipe.precision)
        self._optimizers = optimizers(self.weights, recipe.optimizer, recipe.rate, recipe.muon_rate, self._dtype)
        self._average = Average(self.weights) if recipe.average else None
        self.states = self._empty_states()
        self._sound = tf.constant(True)  # whether all steps gave numbers
        self.progress, self.is_asked_to_end = Progress(), False
        self._spelling = Spelling(corpus.types, vocabulary)
        self._step = tf.function(self._step_graph, input_signature=self._signature(), autograph=False)
        self._score = tf.function(self._score_graph, reduce_retracing=True, autograph=False)

    def _empty_states(self) -> list[tf.Tensor]:
        shape = self.recipe.shape
        return [tf.zeros([self._streams, shape.cells + shape.projection])] * shape.layers

    def _signature(self) -> list:
        recipe, ints, floats = self.recipe, tf.int32, tf.float32
        state = tf.TensorSpec([self._streams, recipe.shape.cells + recipe.shape.projection], floats)
        window = [recipe.window, self._streams]
        inputs = StepInputs(
            buckets=[tf.TensorSpec([None, length], ints) for length in BUCKETS],
            index=tf.TensorSpec(window, ints),
            keep=tf.TensorSpec([*window, 1], floats),
            ids=tf.TensorSpec([None], ints),
            correction=tf.TensorSpec([None], floats),
            labels=tf.TensorSpec([recipe.window * self._streams], ints),
        )
        factor, step, sound = tf.TensorSpec([], floats), tf.TensorSpec([], ints), tf.TensorSpec([], tf.bool)
        return [inputs, (sound, [state] * recipe.shape.layers), factor, step, tf.TensorSpec([2], tf.float64)]

    def prepare(self, window: Window) -> tuple[StepInputs, Window]:
        """Everything a step needs of a window; the candidates are those of all streams, whoever has them."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, *window.position])
        targets = in_vocabulary(window.targets, self.vocabulary).reshape(-1)
        chosen = choose_candidates(targets, len(self.vocabulary), recipe.frequent, recipe.candidates, rng)
        (buckets, index), keep = self._inputs(window.inputs[:, self._own])
        labels = chosen.labels.reshape(window.targets.shape)[:, self._own].reshape(-1)
        return StepInputs(buckets, index, keep, chosen.ids, chosen.correction, labels), window

    def _inputs(self, inputs: np.ndarray) -> tuple:
        keep = np.ones((*inputs.shape, 1), np.float32)
        if self.recipe.context == "sentence":
            keep[inputs == BOUNDARY] = 0
        return self._spelling.distinct(inputs), keep

    @property
    def finished(self) -> dict[str, tf.Variable]:
        """The weights of the model as it is now: their average, if the recipe has one."""
        return self._average.weights if self._average else self.weights

    @property
    def _slots(self) -> dict[str, tf.Variable]:
        """What optimizers and average remember, by names of their own."""
        slots = [one.slots for one in (*self._optimizers, self._average) if one]
        return {name: value for some in slots for name, value in some.items()}

    def begin_step(self, batch: tuple[StepInputs, Window], spent: float = 0.0, seconds: float = 0.0) -> "BegunStep":
        """Begin a step without waiting for it, at the learning rates of that share of the budget.

        Where its loss or gradient are not numbers it changes nothing, nor do the steps begun after it.
        """
        inputs, window = batch
        before, factor = self.progress, rate_factor(self.recipe, self.progress.step, spent)
        step, tokens = before.step + 1, before.tokens + window.inputs.size
        self.progress = replace(before, step=step, tokens=tokens, position=window.position)
        carried, clock = (self._sound, self.states), self.replicas.clock(seconds)
        loss, norm, clock, (self._sound, self.states) = self._step(
            inputs, carried, np.float32(factor), np.int32(step), clock
        )
        return BegunStep(before, self.progress, self.recipe.rate * factor, spent, loss, norm, clock)

    def end_step(self, begun: "BegunStep") -> Trained:
        """Wait for the oldest step that was begun. Raises LmgenError where its loss or gradient are not numbers."""
        loss, norm = float(begun.loss), float(begun.norm)
        if not math.isfinite(loss + norm):
            self.progress = begun.before
            raise LmgenError(
                f"step {begun.after.step} gave no number: the weights before it are kept; start again with lower rates (--rate, --muon-rate)"
            )
        seconds, asked = map(float, begun.clock)
        self.is_asked_to_end = asked > 0
        self.progress = replace(self.progress, seconds=seconds)
        return Trained(begun.after.step, begun.after.tokens, seconds, loss, norm, begun.rate, begun.spent)

    def _step_graph(self, inputs: StepInputs, carried, factor, step, clock):
        sound, states = carried
        with tf.GradientTape() as tape:
            loss, moved = self.loss(inputs, states, step)
        gradients = list(map(tf.convert_to_tensor, tape.gradient(loss, list(self.weights.values()))))
        gradients, [loss] = self.replicas.mean_gradients(gradients), self.replicas.mean([loss])
        [clock] = self.replicas.mean([clock])
        gradients, norm = tf.clip_by_global_norm(gradients, self.recipe.clip)
        sound = sound & tf.math.is_finite(loss + norm)
        tf.cond(
            sound,
            lambda: self._move(dict(zip(self.weights, gradients, strict=True)), factor, step),
            lambda: tf.constant(False),
        )
        states = [tf.where(sound, *pair) for pair in zip(moved, states, strict=True)]
        return loss, norm, clock, (sound, states)

    def _move(self, gradients: dict[str, tf.Tensor], factor, step) -> tf.Tensor:
        for optimizer in self._optimizers:
            optimizer.apply(gradients, factor, step)
        if self._average:
            self._average.update(step)
        return tf.constant(True)

    def loss(self, inputs: StepInputs, states, step):
        """The mean loss of a window over its candidates, and the new states."""
        recipe = self.recipe
        dropout = (recipe.dropout, tf.stack([recipe.seed, step])) if recipe.dropout else None
        words = inputs.buckets, inputs.index
        h, states = network.read(self.weights, recipe.shape, words, inputs.keep, states, self._dtype, dropout)
        rows = tf.gather(self.weights["softmax/W"], inputs.ids)
        bias = tf.gather(self.weights["softmax/b"], inputs.ids) + inputs.correction
        return network.candidate_loss(tf.reshape(h, [-1, h.shape[2]]), rows, bias, inputs.labels), states

    def validate(self, tokens: np.ndarray) -> Validated:
        """Perplexity of held-back sentences, int32 [tokens], over the full softmax, `<UNK>` a target, in float32."""
        steps, rows = self.recipe.window, self.recipe.batch
        inputs, targets = (part[:, self._own] for part in columns(tokens, rows, steps))
        states = self._empty_states()
        total, count = 0.0, 0
        for start in range(0, len(inputs), steps):
            part = slice(start, start + steps)
            (buckets, index), keep = self._inputs(inputs[part])
            real = targets[part] >= 0
            labels = in_vocabulary(np.maximum(targets[part], 0), self.vocabulary)
            logprobs, states = self._score(buckets, index, keep, labels.reshape(-1), states)
            total -= float(logprobs.numpy()[real.reshape(-1)].sum())
            count += int(real.sum())
        nats, predictions = self.replicas.sum([total, count])
        return Validated(self.progress.step, self.progress.tokens, float(np.exp(nats / predictions)), int(predictions))

    def _score_graph(self, buckets, index, keep, labels, states):
        weights, words = self.finished, len(self.vocabulary)
        h, states = network.read(weights, self.recipe.shape, (buckets, index), keep, states, tf.float32)
        rows, bias = weights["softmax/W"][:words], weights["softmax/b"][:words]
        return network.log_probabilities(tf.reshape(h, [-1, h.shape[2]]), rows, bias, labels), states

    def save(self, path: Path, run: dict) -> None:
        """Write all that is needed to continue, whole or not at all; `run` is stored beside it.

        All processes take part, and the chief writes.
        """
        states = [self.replicas.gathered(state) for state in self.states]
        if not self.replicas.is_chief:
            return
        arrays = {f"weights:{name}": value.numpy() for name, value in self.weights.items()}
        arrays.update({name: value.numpy() for name, value in self._slots.items()})
        arrays.update({f"state:{layer}": state for layer, state in enumerate(states)})
        facts = {"recipe": asdict(self.recipe), "progress": asdict(self.progress), "run": run}
        with whole_file(path) as partial, open(partial, "wb") as file:
            np.savez(file, facts=json.dumps(facts), **arrays)

    def restore(self, path: Path) -> None:
        """Continue from a snapshot of the same recipe. Raises IntegrityError for a damaged one."""
        with _reading(path), np.load(path) as stored:
            named = {f"weights:{name}": variable for name, variable in self.weights.items()}
            for name, variable in {**named, **self._slots}.items():
                variable.assign(stored[name])
            layers = range(self.recipe.shape.layers)
            self.states = [tf.constant(stored[f"state:{layer}"][self._own]) for layer in layers]
            progress = json.loads(str(stored["facts"]))["progress"]
            self.progress = Progress(**{**progress, "position": tuple(progress["position"])})


def read_snapshot(path: Path) -> tuple[Recipe, dict]:
    """The recipe a snapshot was made with, and what its run stored beside it."""
    with _reading(path), np.load(path) as stored:
        facts = json.loads(str(stored["facts"]))
        recipe = facts["recipe"]
        shape = recipe.pop("shape")
        shape["filters"] = tuple(shape["filters"])
        return Recipe(shape=Shape(**shape), **recipe), facts["run"]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise MissingError or IntegrityError with the snapshot's path for whatever reading it may raise."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(f"nothing to resume: there is no {path}") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise IntegrityError(f"{path} is damaged, or of another version: remove it and train again") from error


def train_steps(trainer: Trainer, tokens: np.ndarray, budget: Budget) -> Iterator[Trained]:
    """Train on int32 [tokens] until the budget is spent; an event for every step, when the next one has begun.

    Raises StoppedError once one of several processes was asked to end.
    """
    with closing(_begun_steps(trainer, tokens, budget)) as steps:
        for begun, _following in itertools.pairwise(itertools.chain(steps, [None])):
            yield trainer.end_step(cast(BegunStep, begun))
            if trainer.is_asked_to_end:
                steps.close()
    if trainer.is_asked_to_end:
        raise StoppedError


def _begun_steps(trainer: Trainer, tokens: np.ndarray, budget: Budget) -> Generator[BegunStep]:
    recipe, began = trainer.recipe, time.monotonic() - trainer.progress.seconds
    stream = windows(tokens, recipe.window, recipe.batch, trainer.progress.position, recipe.seed)
    for batch in ahead(map(trainer.prepare, stream)):
        spent = budget.spent(trainer.progress.step, trainer.progress.seconds)
        if spent >= 1:
            return
        yield trainer.begin_step(batch, spent, time.monotonic() - began)
