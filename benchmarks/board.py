"""What --board costs: time of a generation with it and without, on the default model.

python benchmarks/board.py [MODEL]
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from lmgen.engines import load
from lmgen.generate import Generation, generate_all
from lmgen.prompts import Prompt
from lmgen.recording import Board
from lmgen.store import DEFAULT_MODEL

PREFIX = "The president said".split()
WORDS, ROUNDS = 100, 7


def main():
    model = load(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL)
    for samples in (1, 8):
        times = {name: [] for name in ("without", "with", "with histograms")}
        for seed in range(ROUNDS):
            prompt = Prompt(PREFIX, options(samples, seed))
            for name, taken in times.items():
                taken.append(seconds(model, prompt, name))
        print(f"{samples} samples of {WORDS} words, median of {ROUNDS} rounds")
        plain = sorted(times["without"])[ROUNDS // 2]
        for name, found in times.items():
            middle = sorted(found)[ROUNDS // 2]
            share = f"{middle / plain - 1:+.0%}"
            print(f"  {name:<16} {middle / (samples * WORDS) * 1e3:6.2f} ms a word  {share}")


def options(samples, seed):
    from lmgen.generate import changed

    return changed(Generation(), {"samples": samples, "max_words": WORDS, "ignore_end": True, "seed": seed})


def seconds(model, prompt, name):
    """Of one generation, the closing of its files included."""
    folder = Path(tempfile.mkdtemp())
    began = time.perf_counter()
    if name == "without":
        events = generate_all(model, [(prompt.words, prompt.options)])
    else:
        board = Board(model, folder, histograms=name != "with")
        laid = ((prompt.words, prompt.options) for prompt in board.lay([prompt]))
        events = board.follow(generate_all(model, laid, steps=True))
    for _ in events:
        pass
    taken = time.perf_counter() - began
    shutil.rmtree(folder)
    return taken


if __name__ == "__main__":
    main()
