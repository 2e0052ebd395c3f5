"""What --board costs: time of a generation with it and without, on both engines.

python benchmarks/board.py [MODEL]

Processor time of the generating process is shown too: it hardly changes when other programs work beside.
The runs are written by another process, whose start and end are in the elapsed time.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from lmgen.engines import load
from lmgen.generate import Generation, changed, generate_all
from lmgen.prompts import Prompt
from lmgen.recording import Board
from lmgen.store import DEFAULT_MODEL

PREFIX = "The president said".split()
WORDS, ROUNDS = 1000, 5
WAYS = ("without", "with", "with histograms")
ENGINES = {"litert, fast": ("litert", "fast"), "session": ("session", "float32")}


def main():
    for name, (engine, precision) in ENGINES.items():
        model = load(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL, engine, precision=precision)
        for samples in (1, 8):
            show(name, model, samples)


def show(engine, model, samples):
    rounds = [[milliseconds(model, samples, seed, way) for way in WAYS] for seed in range(ROUNDS)]
    print(f"{engine}, {samples} x {WORDS // samples} words, median of {ROUNDS} rounds, ms a word: elapsed, processor")
    medians = [[statistics.median(times) for times in zip(*way, strict=True)] for way in zip(*rounds, strict=True)]
    for way, (elapsed, spent) in zip(WAYS, medians, strict=True):
        more, more_spent = elapsed / medians[0][0] - 1, spent / medians[0][1] - 1
        print(f"  {way:<16} {elapsed:6.2f} {more:+5.0%}  {spent:6.2f} {more_spent:+5.0%}")


def milliseconds(model, samples, seed, way):
    """A word of one generation takes, the closing of its files included: elapsed and of the processor."""
    prompt = Prompt(
        PREFIX,
        changed(Generation(), {"samples": samples, "max_words": WORDS // samples, "ignore_end": True, "seed": seed}),
    )
    with tempfile.TemporaryDirectory() as folder:
        began, spent = time.perf_counter(), time.process_time()
        if way == "without":
            events = generate_all(model, [(prompt.words, prompt.options)])
        else:
            board = Board(model, Path(folder), histograms=way != "with")
            laid = ((given.words, given.options) for given in board.lay([prompt]))
            events = board.follow(generate_all(model, laid, steps=True))
        for _ in events:
            pass
        taken = time.perf_counter() - began, time.process_time() - spent
    return [seconds / WORDS * 1e3 for seconds in taken]


if __name__ == "__main__":
    main()
