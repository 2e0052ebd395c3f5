"""Seconds to load a vocabulary of the release's size, beside Python's plain loop over lines.

python benchmarks/vocabulary.py
"""

import random
import tempfile
import time
from pathlib import Path

from lmgen.text.vocabulary import MARKS, Vocabulary

WORDS = 793_471


def timed(name: str, function) -> None:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    print(f"{name:40} {sorted(times)[2]:.3f} s")


def plain_loop(path: Path) -> tuple[list[str], dict[str, int]]:
    words, ids = [], {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            ids[line.strip()] = len(words)
            words.append(line.strip())
    return words, ids


def main() -> None:
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyzé"
    words = {"".join(rng.choices(letters, k=rng.randint(2, 14))) + str(n) for n in range(WORDS - len(MARKS))}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        Vocabulary([*MARKS, *words]).save(path)
        print(f"{WORDS:,} words, {path.stat().st_size / 1e6:.1f} MB")
        timed("Vocabulary.load", lambda: Vocabulary.load(path))
        timed("a plain loop over lines", lambda: plain_loop(path))
        loaded = Vocabulary.load(path)
        timed("the special characters (once, when needed)", lambda: Vocabulary.unused_bytes.func(loaded))
        timed("character ids of 20,000 words", lambda: loaded.all_char_ids(loaded.words[:20_000]))


if __name__ == "__main__":
    main()
