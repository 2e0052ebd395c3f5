"""Milliseconds of every sampler on 800,000 logits, beside a full sort and the softmax product itself.

    python benchmarks/samplers.py [--words 800000] [--rounds 9]

Logits have the spread of a trained model's (standard deviation 4.5, entropy about 8 bits). The product is what a sampler may
cost a tenth of: float32 [rows, 1024] times [1024, words], as the session engine computes it.
"""

import argparse
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from lmgen.generation.draw import choose
from lmgen.generation.generate import ROWS
from lmgen.generation.samplers import Sampler
from lmgen.generation.sampling import Sampling, chain
from lmgen.softmax import log_probability

CASES = {
    "temperature 0.7": Sampling(temperature=0.7),
    "top-k 40": Sampling(top_k=40),
    "top-p 0.95": Sampling(top_p=0.95),
    "min-p 0.05": Sampling(min_p=0.05),
    "typical 0.95": Sampling(typical=0.95),
    "top-n-sigma 1": Sampling(top_n_sigma=1.0),
    "mirostat 2": Sampling(mirostat=2),
    "repetition-penalty 1.1": Sampling(repetition_penalty=1.1),
    "presence-penalty 0.5": Sampling(presence_penalty=0.5),
    "no-repeat-ngram 3": Sampling(no_repeat_ngram=3),
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
    products = {rows: product_ms(words, rows, rounds) for rows in (1, ROWS)}
    for rows, cost in products.items():
        print(f"softmax product, {rows:2} rows      {cost:8.2f} ms")
    print(f"full sort                    {milliseconds(lambda: np.argsort(logits), 3):8.2f} ms")
    print(f"log-probability of a word    {milliseconds(lambda: log_probability(logits, 5), rounds):8.2f} ms")
    rng = np.random.default_rng(1)
    print(f"unrestricted draw            {milliseconds(lambda: choose(logits, 1.0, rng), rounds):8.2f} ms")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, options in CASES.items():
            one = milliseconds(lambda: apply(chain(options), history, logits), rounds)  # noqa: B023 (called at once)
            all_rows = milliseconds(lambda: apply_to_rows(pool, options, history, logits), rounds)  # noqa: B023
            shares = f"{one / products[1]:6.1%} and {all_rows / products[ROWS]:6.1%} of the product"
            print(f"{name:28} {one:8.2f} ms for 1 row, {all_rows:8.2f} for {ROWS}: {shares}")


def apply(samplers: list[Sampler], history: list[int], logits: np.ndarray) -> None:
    for sampler in samplers:
        sampler(history, logits)


def apply_to_rows(pool: ThreadPoolExecutor, options: Sampling, history: list[int], logits: np.ndarray) -> None:
    """As generation does it: each row has samplers of its own, and threads share the rows out."""
    list(pool.map(lambda _: apply(chain(options), history, logits), range(ROWS)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=800_000)
    parser.add_argument("--rounds", type=int, default=9)
    main(**vars(parser.parse_args()))
