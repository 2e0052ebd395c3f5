"""Training steps: Adam on truncated back-propagation, and snapshots to go on from.

The recipe is Adam with a warm-up and a linear decay to zero over the steps or hours given, clipping
by global norm, the state carried from window to window, and a softmax over candidates
(`batches.choose_candidates`).
"""

import json
import math
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import Shape, weight_shapes
from lmgen.errors import IntegrityError, MissingError
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

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants (Kingma and Ba 2015)."""


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    shape: Shape
    words: int = 30000
    """Size of the vocabulary, the three marks included."""
    steps: int = 20
    """Words of a window: how far back-propagation reaches."""
    batch: int = 128
    """Streams of text read side by side."""
    rate: float = 4e-3
    """Adam's highest learning rate."""
    warmup: int = 150
    """Steps until it is reached."""
    clip: float = 1.0
    """Highest norm of the gradient of the mean loss."""
    dropout: float = 0.0
    """Share of every layer's inputs and of the top output set to zero, 0 <= dropout < 1."""
    candidates: int = 4096
    """Softmax rows a step looks at; at least `words` for the full softmax."""
    frequent: int = 2048
    """So many most frequent words are always among them."""
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


class Trainer:
    """Weights, Adam's moments and the streams' memories, and the steps that change them."""

    def __init__(self, recipe: Recipe, corpus: Corpus, vocabulary: Vocabulary) -> None:
        counts = np.bincount(in_vocabulary(corpus.tokens, vocabulary), minlength=len(vocabulary))
        weights = initial_weights(recipe.shape, counts, recipe.seed)
        self.recipe, self.vocabulary = recipe, vocabulary
        self.weights = {name: tf.Variable(value) for name, value in weights.items()}
        self.moments = {
            name: (tf.Variable(tf.zeros_like(value)), tf.Variable(tf.zeros_like(value)))
            for name, value in weights.items()
        }
        self.states = self._empty_states()
        self.progress = Progress()
        self._spelling = Spelling(corpus.types, vocabulary)
        self._dtype = tf.as_dtype(recipe.precision)
        self._step = tf.function(self._step_graph, input_signature=self._signature(), autograph=False)
        self._score = tf.function(self._score_graph, reduce_retracing=True, autograph=False)

    def _empty_states(self) -> list[tf.Tensor]:
        shape = self.recipe.shape
        return [tf.zeros([self.recipe.batch, shape.cells + shape.projection])] * shape.layers

    def _signature(self) -> list:
        recipe, ints, floats = self.recipe, tf.int32, tf.float32
        state = tf.TensorSpec([recipe.batch, recipe.shape.cells + recipe.shape.projection], floats)
        window = [recipe.steps, recipe.batch]
        inputs = StepInputs(
            buckets=[tf.TensorSpec([None, length], ints) for length in BUCKETS],
            index=tf.TensorSpec(window, ints),
            keep=tf.TensorSpec([*window, 1], floats),
            ids=tf.TensorSpec([None], ints),
            correction=tf.TensorSpec([None], floats),
            labels=tf.TensorSpec([recipe.steps * recipe.batch], ints),
        )
        return [inputs, [state] * recipe.shape.layers, tf.TensorSpec([], floats), tf.TensorSpec([], ints)]

    def prepare(self, window: Window) -> tuple[StepInputs, Window]:
        """Everything a step needs of a window."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, *window.position])
        targets = in_vocabulary(window.targets, self.vocabulary).reshape(-1)
        chosen = choose_candidates(targets, len(self.vocabulary), recipe.frequent, recipe.candidates, rng)
        (buckets, index), keep = self._inputs(window.inputs)
        return StepInputs(buckets, index, keep, chosen.ids, chosen.correction, chosen.labels), window

    def _inputs(self, inputs: np.ndarray) -> tuple:
        keep = np.ones((*inputs.shape, 1), np.float32)
        if self.recipe.context == "sentence":
            keep[inputs == BOUNDARY] = 0
        return self._spelling.distinct(inputs), keep

    def step(self, batch: tuple[StepInputs, Window], rate: float) -> tuple[float, float]:
        """One step of Adam. Returns the mean loss in nats and the gradient's norm before clipping."""
        inputs, window = batch
        step = self.progress.step + 1
        rate *= np.sqrt(1 - BETA2**step) / (1 - BETA1**step)
        loss, norm, self.states = self._step(inputs, self.states, np.float32(rate), np.int32(step))
        tokens = self.progress.tokens + inputs.index.size
        self.progress = replace(self.progress, step=step, tokens=tokens, position=window.position)
        return float(loss), float(norm)

    def _step_graph(self, inputs: StepInputs, states, rate, step):
        with tf.GradientTape() as tape:
            loss, states = self.loss(inputs, states, step)
        gradients = tape.gradient(loss, list(self.weights.values()))
        gradients, norm = tf.clip_by_global_norm(list(map(tf.convert_to_tensor, gradients)), self.recipe.clip)
        for name, gradient in zip(self.weights, gradients, strict=True):
            self._adam(name, gradient, rate)
        return loss, norm, states

    def loss(self, inputs: StepInputs, states, step):
        """The mean loss of a window over its candidates, and the new states."""
        recipe = self.recipe
        dropout = (recipe.dropout, tf.stack([recipe.seed, step])) if recipe.dropout else None
        words = inputs.buckets, inputs.index
        h, states = network.read(self.weights, recipe.shape, words, inputs.keep, states, self._dtype, dropout)
        rows = tf.gather(self.weights["softmax/W"], inputs.ids)
        bias = tf.gather(self.weights["softmax/b"], inputs.ids) + inputs.correction
        return network.candidate_loss(tf.reshape(h, [-1, h.shape[2]]), rows, bias, inputs.labels), states

    def _adam(self, name: str, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        """The fused update; `rate` already holds the bias corrections, so the powers are given as 0."""
        mean, square = self.moments[name]
        tf.raw_ops.ResourceApplyAdam(
            var=self.weights[name].handle,
            m=mean.handle,
            v=square.handle,
            beta1_power=0.0,
            beta2_power=0.0,
            lr=rate,
            beta1=BETA1,
            beta2=BETA2,
            epsilon=EPSILON,
            grad=gradient,
        )

    def validate(self, tokens: np.ndarray) -> Validated:
        """Perplexity of held-back sentences over the full softmax, `<UNK>` a target, in float32."""
        steps, rows = self.recipe.steps, self.recipe.batch
        inputs, targets = columns(tokens, rows, steps)
        states, total, count = self._empty_states(), 0.0, 0
        for start in range(0, len(inputs), steps):
            part = slice(start, start + steps)
            (buckets, index), keep = self._inputs(inputs[part])
            real = targets[part] >= 0
            labels = in_vocabulary(np.maximum(targets[part], 0), self.vocabulary)
            logprobs, states = self._score(buckets, index, keep, labels.reshape(-1), states)
            total -= float(logprobs.numpy()[real.reshape(-1)].sum())
            count += int(real.sum())
        return Validated(self.progress.step, self.progress.tokens, float(np.exp(total / count)), count)

    def _score_graph(self, buckets, index, keep, labels, states):
        h, states = network.read(self.weights, self.recipe.shape, (buckets, index), keep, states, tf.float32)
        words = len(self.vocabulary)
        rows, bias = self.weights["softmax/W"][:words], self.weights["softmax/b"][:words]
        return network.log_probabilities(tf.reshape(h, [-1, h.shape[2]]), rows, bias, labels), states

    def save(self, path: Path, run: dict) -> None:
        """Write all that is needed to go on, whole or not at all; `run` is stored beside it."""
        arrays = {f"weights:{name}": value.numpy() for name, value in self.weights.items()}
        for name, (mean, square) in self.moments.items():
            arrays[f"mean:{name}"], arrays[f"square:{name}"] = mean.numpy(), square.numpy()
        for layer, state in enumerate(self.states):
            arrays[f"state:{layer}"] = np.asarray(state)
        facts = {"recipe": asdict(self.recipe), "progress": asdict(self.progress), "run": run}
        with whole_file(path) as partial, open(partial, "wb") as file:
            np.savez(file, facts=json.dumps(facts), **arrays)

    def restore(self, path: Path) -> None:
        """Go on from a snapshot of the same recipe."""
        with np.load(path) as stored:
            for name, variable in self.weights.items():
                variable.assign(stored[f"weights:{name}"])
                for moment, kind in zip(self.moments[name], ("mean", "square"), strict=True):
                    moment.assign(stored[f"{kind}:{name}"])
            self.states = [tf.constant(stored[f"state:{layer}"]) for layer in range(self.recipe.shape.layers)]
            progress = json.loads(str(stored["facts"]))["progress"]
        self.progress = Progress(**{**progress, "position": tuple(progress["position"])})


def read_snapshot(path: Path) -> tuple[Recipe, dict]:
    """The recipe a snapshot was made with, and what its run stored beside it."""
    try:
        with np.load(path) as stored:
            facts = json.loads(str(stored["facts"]))
        recipe = facts["recipe"]
        shape = recipe.pop("shape")
        shape["filters"] = tuple(shape["filters"])
        return Recipe(shape=Shape(**shape), **recipe), facts["run"]
    except FileNotFoundError as error:
        raise MissingError(f"nothing to resume: there is no {path}") from error
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{path} is damaged: remove it and train anew") from error


def rate_at(recipe: Recipe, step: int, spent: float) -> float:
    """Learning rate of a step: a linear rise over the warm-up, then linearly to zero by the budget's end."""
    return recipe.rate * min(1.0, (step + 1) / recipe.warmup) * (1 - spent)


def train_steps(trainer: Trainer, tokens: np.ndarray, budget: Budget) -> Iterator[Trained]:
    """Train until the budget is spent; an event for every step."""
    recipe, before = trainer.recipe, trainer.progress.seconds
    stream = windows(tokens, recipe.steps, recipe.batch, trainer.progress.position, recipe.seed)
    began = time.monotonic()
    for batch in ahead(map(trainer.prepare, stream)):
        spent = budget.spent(trainer.progress.step, trainer.progress.seconds)
        if spent >= 1:
            return
        rate = rate_at(recipe, trainer.progress.step, spent)
        loss, norm = trainer.step(batch, rate)
        progress = replace(trainer.progress, seconds=before + time.monotonic() - began)
        trainer.progress = progress
        yield Trained(progress.step, progress.tokens, progress.seconds, loss, norm, rate, spent)
