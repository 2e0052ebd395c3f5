"""Tokenised text, one sentence a line on stdin, to the numbers that `train.py` reads.

Left out: sentences of over 70 words, with control characters, an odd number of quotation marks or a special token,
and those that are also in the text to validate on, or in a text that must never be trained on (--never).
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lmgen.text import MARKS, Vocabulary

LONGEST, WORDS = 70, 30_000
RESERVED = {*MARKS, "!!!MAXTERMID"}
Text = dict[int, np.ndarray]
"""By their number of words, sentences as ids, int32 [sentences, words]."""


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


def numbered(sentences: Iterable[list[str]], ids: defaultdict[str, int]) -> Text:
    """Sentences as numbers; new words get the next ones."""
    by_length = defaultdict(list)
    for words in sentences:
        by_length[len(words)].append(np.fromiter(map(ids.__getitem__, words), np.int32, len(words)))
    return {length: np.stack(rows) for length, rows in sorted(by_length.items())}


def ranked(text: Text, types: int) -> tuple[np.ndarray, np.ndarray]:
    """The new number of every type by falling count, the special tokens first; and the counts in that order."""
    counts = sum(np.bincount(rows.ravel(), minlength=types) for rows in text.values())
    counts[0] = sum(map(len, text.values()))  # every sentence ends once
    order = np.concatenate([np.arange(len(MARKS)), len(MARKS) + np.argsort(-counts[len(MARKS) :], kind="stable")])
    rank = np.empty(types, np.int32)
    rank[order] = np.arange(types)
    return rank, counts[order]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--valid", type=Path, required=True)
    options.add_argument("--never", type=Path, nargs="*", default=[])
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    held_back = [line.split() for line in given.valid.read_text("utf-8").splitlines() if line.split()]
    forbidden = {key(line.split()) for path in given.never for line in path.read_text("utf-8").splitlines()}
    ids: defaultdict[str, int] = defaultdict()
    ids.default_factory = ids.__len__
    for mark in MARKS:
        ids[mark]
    text = numbered(read(sys.stdin, forbidden | set(map(key, held_back))), ids)
    rank, counts = ranked(text, len(ids))
    types = [""] * len(ids)
    for word, number in ids.items():
        types[rank[number]] = word
    text = {length: rank[rows] for length, rows in text.items()}
    ids = defaultdict(None, {word: number for number, word in enumerate(types)})
    ids.default_factory = ids.__len__
    valid = numbered(held_back, ids)
    counts[2] = counts[WORDS:].sum()  # <UNK> stands for all others
    characters = Vocabulary(types[:WORDS]).all_char_ids(["<S>", *list(ids)[1:]]).astype(np.uint8)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "vocabulary.txt").write_text("\n".join(types[:WORDS]) + "\n", "utf-8")
    np.savez_compressed(
        given.out / "text.npz",
        characters=characters,
        counts=counts[:WORDS],
        **{f"text:{length}": rows for length, rows in text.items()},
        **{f"valid:{length}": rows for length, rows in valid.items()},
    )


if __name__ == "__main__":
    main()
