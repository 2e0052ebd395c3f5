"""Tokenised text, one sentence a line on stdin, to the numbers that `train.py` reads.

Left out: sentences of over 70 words, with control characters, an odd number of quotation marks or a special token,
and those that are also in the text to validate on, or in a text that must never be trained on (--never).
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lmgen.text import Vocabulary
from lmgen.training.batches import in_vocabulary
from lmgen.training.corpus import BOUNDARY, RESERVED, build_corpus

LONGEST, WORDS = 70, 30_000


def key(words: Iterable[str]) -> str:
    """Alike for sentences that differ in spaces and capitals only."""
    return "".join(words).lower()


def read(lines: Iterable[str], never: set[str]) -> Iterator[list[str]]:
    """The sentences that may be trained on."""
    for line in lines:
        words = line.split()
        fine = 0 < len(words) <= LONGEST and line.strip().isprintable() and line.count('"') % 2 == 0
        if fine and RESERVED.isdisjoint(words) and key(words) not in never:
            yield words


def by_length(tokens: np.ndarray) -> dict[int, np.ndarray]:
    """Sentences, each followed by BOUNDARY, by their number of words: int32 [sentences, words] each."""
    ends = np.flatnonzero(tokens == BOUNDARY)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    return {int(n): tokens[starts[lengths == n][:, None] + np.arange(n)] for n in np.unique(lengths)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--valid", type=Path, required=True)
    options.add_argument("--never", type=Path, nargs="*", default=[])
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    held_back = [line.split() for line in given.valid.read_text("utf-8").splitlines() if line.split()]
    forbidden = {key(line.split()) for path in given.never for line in path.read_text("utf-8").splitlines()}
    corpus = build_corpus(read(sys.stdin, forbidden | set(map(key, held_back))), held_back)
    vocabulary = Vocabulary(corpus.types[:WORDS])
    counts = np.bincount(in_vocabulary(corpus.tokens, vocabulary), minlength=len(vocabulary))
    characters = vocabulary.all_char_ids(["<S>", *corpus.types[1:]]).astype(np.uint8)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "vocabulary.txt").write_text("\n".join(corpus.types[:WORDS]) + "\n", "utf-8")
    np.savez_compressed(
        given.out / "text.npz",
        characters=characters,
        counts=counts,
        **{f"text:{length}": rows for length, rows in by_length(corpus.tokens).items()},
        **{f"valid:{length}": rows for length, rows in by_length(corpus.held_back).items()},
    )


if __name__ == "__main__":
    main()
