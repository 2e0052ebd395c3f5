"""Damage a model's files at random for some minutes, and see that nothing but a refusal or the same output comes.

    python benchmarks/fuzz.py FOLDER [--minutes 5] [--seed 0]

FOLDER is a model in the released layout, small and converted (fast, exact). Each trial damages one file of a copy of it (a bit, a
cut, a block of zeros). Complaints are printed with their seed; exit code 1 if there is any.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from damage import WAYS, trial

WRITE = ("complete", "The", "--seed", "1", "--max-words", "5")
SCORE = ("surprisal", "--text", "The cat sat.", "--engine", "session")
PLACES = [
    (WRITE, "ckpt-*"),
    (WRITE, "litert-fast/*"),
    (WRITE, "vocab-*"),
    (WRITE, "model.toml"),
    ((*WRITE, "--precision", "exact"), "litert-exact/*"),
    ((*WRITE, "--precision", "exact"), "ckpt-*"),
    (SCORE, "graph-*"),
    (SCORE, "ckpt-*"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end, seed, wrong = time.monotonic() + 60 * options.minutes, options.seed, 0
    with tempfile.TemporaryDirectory() as work:
        os.environ["LMGEN_HOME"] = f"{work}/home"
        while time.monotonic() < end:
            rng = random.Random(seed)
            command, pattern = rng.choice([place for place in PLACES if any(options.folder.glob(place[1]))])
            problem = trial(options.folder, Path(work) / "copy", (command, pattern, rng.choice(WAYS)), seed)
            if problem:
                print(problem, flush=True)
            seed, wrong = seed + 1, wrong + bool(problem)
    print(f"{seed - options.seed} trials, {wrong} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
