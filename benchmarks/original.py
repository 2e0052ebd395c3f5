"""Words as the program of 2016 wrote them, to measure others beside.

python benchmarks/original.py PREFIX [--model mini] [--max-words 100] [--seed 0]
"""

import argparse
from itertools import islice

import numpy as np

from lmgen.bench.original import Original
from lmgen.store import find


def main(prefix: str, model: str, max_words: int, seed: int) -> None:
    for word in islice(Original(find(model)).write(prefix.split(), np.random.default_rng(seed)), max_words):
        print(word, end=" ", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefix")
    parser.add_argument("-m", "--model", default="mini")
    parser.add_argument("--max-words", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_known_args()[0]))
