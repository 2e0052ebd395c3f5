"""Milliseconds of every sampler on 800,000 logits, beside a full sort and the softmax product itself.

    python benchmarks/samplers.py [--words 800000] [--rounds 9]

Logits have the spread of a trained model's (standard deviation 4.5, entropy about 8 bits). The product is what a sampler may
cost a tenth of: float32 [rows, 1024] times [1024, words], as the session engine computes it.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from lmgen.sampling import Sampling, chain, choose, log_probability

CASES = {
    "temperature 0.7": {"temperature": 0.7},
    "top-k 40": {"top_k": 40},
    "top-p 0.95": {"top_p": 0.95},
    "min-p 0.05": {"min_p": 0.05},
    "typical 0.95": {"typical": 0.95},
    "top-n-sigma 1": {"top_n_sigma": 1.0},
    "mirostat 2": {"mirostat": 2},
    "repetition-penalty 1.1": {"repetition_penalty": 1.1},
    "presence-penalty 0.5": {"presence_penalty": 0.5},
    "no-repeat-ngram 3": {"no_repeat_ngram": 3},
}


def milliseconds(function, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def trained_logits(words: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 4.5, words).astype(np.float32)


def product_ms(words: int, rows: int, rounds: int) -> float:
    import tensorflow as tf

    matrix, h = tf.random.normal([1024, words]), tf.random.normal([max(rows, 2), 1024])
    product = tf.function(lambda: tf.matmul(h, matrix), autograph=False)
    return milliseconds(lambda: product().numpy(), rounds)


def main(words: int, rounds: int) -> None:
    logits, history = trained_logits(words), list(range(0, 5000, 50))
    products = {rows: product_ms(words, rows, rounds) for rows in (1, 32)}
    for rows, cost in products.items():
        print(f"softmax product, {rows:2} rows      {cost:8.2f} ms, {cost / rows:8.2f} ms a row")
    print(f"full sort                    {milliseconds(lambda: np.argsort(logits), 3):8.2f} ms")
    print(f"log-probability of a word    {milliseconds(lambda: log_probability(logits, 5), rounds):8.2f} ms")
    rng = np.random.default_rng(1)
    print(f"unrestricted draw            {milliseconds(lambda: choose(logits, 1.0, rng), rounds):8.2f} ms")
    for name, options in CASES.items():
        [sampler] = chain(Sampling(**options))
        cost = milliseconds(lambda: sampler(history, logits), rounds)  # noqa: B023 (called at once)
        alone, shared = cost / products[1], cost / (products[32] / 32)
        print(f"{name:28} {cost:8.2f} ms, {alone:6.1%} of the product of 1 row, {shared:6.1%} of one of 32 rows' share")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=800_000)
    parser.add_argument("--rounds", type=int, default=9)
    main(**vars(parser.parse_args()))
