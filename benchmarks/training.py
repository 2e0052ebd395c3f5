"""Words per second of a training step, beside the plain form of the same step, in one run.

    python benchmarks/training.py [--rounds 5] [--cells 1024]

The plain form is `lmgen/plain.py`: float32, TensorFlow's own gradients, every word spelled at every
place, the full softmax, Keras' Adam. Both take the same random text with English word frequencies.
Rounds alternate; the ratio is the median of the rounds' ratios.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import network as plain
from lmgen.checkpoint.shape import Shape, softmax_rows
from lmgen.text.vocabulary import MARKS, Vocabulary
from lmgen.training.batches import windows
from lmgen.training.corpus import Corpus
from lmgen.training.trainer import Recipe, Trainer

WORDS = 30_000
TYPES = 60_000


def zipfian_corpus(tokens: int = 400_000) -> Corpus:
    """Random text: Zipf's law over 60,000 spellings of English lengths, sentences of 18 words."""
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlu"))
    types = [
        *MARKS,
        *("".join(rng.choice(letters, 2 + min(12, n % 5 + int(np.log2(n))))) + str(n) for n in range(1, TYPES)),
    ]
    shares = 1 / np.arange(1, TYPES)
    ids = rng.choice(np.arange(3, TYPES + 2), tokens, p=shares / shares.sum()).astype(np.int32)
    ids[17::18] = 0
    return Corpus(types, ids, ids[:1800])


def plain_step(trainer: Trainer):
    """One step of the plain form, compiled as a tf.function."""
    shape, variables = trainer.recipe.shape, list(trainer.weights.values())
    adam = tf.keras.optimizers.Adam(1e-3)
    adam.build(variables)

    @tf.function(autograph=False)
    def step(characters, keep, states, targets):
        with tf.GradientTape() as tape:
            h, new = plain.read(trainer.weights, shape, characters, keep, states)
            loss = plain.loss(trainer.weights, tf.reshape(h, [-1, shape.projection]), targets)
        gradients = list(map(tf.convert_to_tensor, tape.gradient(loss, variables)))
        adam.apply_gradients(zip(tf.clip_by_global_norm(gradients, 1.0)[0], variables, strict=True))
        return loss, new

    return step


def measure(rounds: int, cells: int) -> None:
    corpus = zipfian_corpus()
    vocabulary = Vocabulary(corpus.types[:WORDS])
    recipe = Recipe(Shape(cells=cells, rows=softmax_rows(WORDS)))
    trainer = Trainer(recipe, corpus, vocabulary)
    slow, states = plain_step(trainer), trainer.states
    spelled = vocabulary.all_char_ids(["<S>", *corpus.types[1:]])
    stream = windows(corpus.tokens, recipe.window, recipe.batch, (0, 0), 1)
    per_step, rates = recipe.window * recipe.batch, {"plain": [], "lmgen": []}
    for turn in range(rounds + 1):
        window = next(stream)
        batch = trainer.prepare(window)
        targets = np.where(window.targets < WORDS, window.targets, 2).reshape(-1)
        began = time.perf_counter()
        slow(tf.constant(spelled[window.inputs]), tf.constant(batch[1]), states, tf.constant(targets))[0].numpy()
        middle = time.perf_counter()
        for _ in range(3):
            trainer.end_step(trainer.begin_step(trainer.prepare(window)))
        end = time.perf_counter()
        if turn:  # the first round compiles
            rates["plain"].append(per_step / (middle - began))
            rates["lmgen"].append(3 * per_step / (end - middle))
    report(recipe, rates)


def report(recipe: Recipe, rates: dict[str, list[float]]) -> None:
    shape = recipe.shape
    size, cells = shape.projection, shape.cells
    lstm = shape.layers * (2 * size * 4 * cells + cells * size)
    flops = 6 * (lstm + recipe.candidates * size)  # forward and backward; the CNN's share is left out
    print(f"{shape.parameters / 1e6:.1f} M parameters, batch {recipe.batch} x {recipe.window}, {os.cpu_count()} cores")
    for name, values in rates.items():
        print(f"{name:6} {statistics.median(values):10,.0f} words/s   ({min(values):,.0f} to {max(values):,.0f})")
    ratios = [ours / theirs for ours, theirs in zip(rates["lmgen"], rates["plain"], strict=True)]
    print(f"ratio  {statistics.median(ratios):10.2f}           ({min(ratios):.2f} to {max(ratios):.2f})")
    achieved, peak = statistics.median(rates["lmgen"]) * flops / 1e9, peak_gflops()
    print(f"LSTM and softmax: {achieved:,.0f} GFLOP/s, {achieved / peak:.0%} of {peak:,.0f} (a large bfloat16 product)")


def peak_gflops() -> float:
    """What a large bfloat16 product reaches on this machine now."""
    a = tf.cast(tf.random.normal([2048, 2048]), tf.bfloat16)
    product = tf.function(lambda x: tf.reduce_sum(tf.matmul(x, a)), autograph=False)
    product(a)
    times = []
    for _ in range(7):
        began = time.perf_counter()
        product(a).numpy()
        times.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(times) / 1e9


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=int, default=1024)
    measure(**vars(parser.parse_args()))
