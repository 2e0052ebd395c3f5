"""What --board costs on both engines: the time of a generation with it and without, to the end of all writing.

python benchmarks/board.py [MODEL]

First `lmgen complete` as a whole, its start, the model's and the writing process's included, and the processor
time of all its processes. Then generations in one process, as in the REPL, where the writing process runs already;
and the processor time of the generating process. The ways take turns; what is printed is the median of their ratios
in every round, for other programs may work beside.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from lmgen.board.client import Writer
from lmgen.board.record import Board
from lmgen.engines import EngineOptions, load
from lmgen.generation.generate import generate_all
from lmgen.generation.options import Generation, changed
from lmgen.generation.prompts import Prompt
from lmgen.store.library import DEFAULT_MODEL, find

PREFIX = "The president said"
SIZES = ((1, 100), (1, 1000), (8, 100))
"""Continuations, and words of each."""
ROUNDS = 7
WAYS = {"without": None, "with": [], "with histograms": ["--board-histograms"]}
ENGINES = {"litert, fast": ("litert", "fast"), "session": ("session", "float32")}


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL
    for title, (engine, precision) in ENGINES.items():
        model = load(find(name), EngineOptions(engine, precision))
        for samples, words in SIZES:
            print(f"{title}, {samples} x {words} words, median of {ROUNDS} rounds: elapsed and processor, seconds")
            options = ["-m", name, "--engine", engine, "--precision", precision, "-n", samples, "--max-words", words]
            show("command", partial(command, options))
            with closing(Writer()) as writer:
                show("generation", partial(generation, writer, model, samples, words))


def show(title, run):
    run("with", 0)
    rounds = [{way: run(way, seed) for way in WAYS} for seed in range(ROUNDS)]
    for way in WAYS:
        cells = []
        for place in range(2):
            seconds = statistics.median(times[way][place] for times in rounds)
            ratio = statistics.median(times[way][place] / times["without"][place] for times in rounds)
            cells.append(f"{seconds:8.3f} {ratio - 1:+5.0%}")
        print(f"  {title:<10} {way:<16} {'  '.join(cells)}", flush=True)


def command(options, way, seed):
    """Seconds of `lmgen complete`, and of the processor in it and in what it starts."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = [] if WAYS[way] is None else ["--board", folder, *WAYS[way]]
        arguments = ["-m", "lmgen", "complete", PREFIX, "--ignore-eos", "--seed", seed, *options, *recorded]
        began, spent = time.perf_counter(), processor()
        subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True)
        return time.perf_counter() - began, processor() - spent


def processor():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def generation(writer, model, samples, words, way, seed):
    """Seconds of one generation, its files whole, and of the processor in this process."""
    options = {"samples": samples, "max_words": words, "ignore_end": True, "seed": seed}
    prompt = Prompt(PREFIX.split(), changed(Generation(), options))
    with tempfile.TemporaryDirectory() as folder:
        began, spent = time.perf_counter(), time.process_time()
        if way == "without":
            events = generate_all(model, [(prompt.words, prompt.options)])
        else:
            board = Board(writer, model, Path(folder), histograms=way != "with")
            laid = ((given.words, given.options) for given in board.lay([prompt]))
            events = board.follow(generate_all(model, laid, steps=True))
        for _ in events:
            pass
        return time.perf_counter() - began, time.process_time() - spent


if __name__ == "__main__":
    main()
