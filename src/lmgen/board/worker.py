"""The runs of a board, as TensorBoard reads them, written as the words come.

`python -m lmgen.board.worker` writes in a process of its own, so that words need not wait for it: see `main`.
It starts in a fifth of a second, for it imports little.
"""

import contextlib
import math
import os
import pickle
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lmgen.board import hparams
from lmgen.board.exchange import DONE, Arrival, Key, Orders, Slots
from lmgen.board.summaries import Writer, histogram_value, image_value, layout_value, plain, scalars, text_value
from lmgen.checkpoint import read_forward
from lmgen.errors import LmgenError
from lmgen.pictures import MASSES, Column, Heatmap, Sample, bars, coloured, measure
from lmgen.text import Lines, Vocabulary, detokenize_sentences

LISTED = 10
"""Most likely words of a step that are written as text."""
PICTURED = 240
"""Words of a continuation that are drawn, at most: a browser shows no picture of any height."""
COLOURED = 100
"""Continuations of a call whose text is coloured, at most."""
LAYOUT = {
    "Words": {
        "surprisal and entropy, bits": ["word/surprisal", "softmax/entropy"],
        "perplexity so far": ["word/perplexity"],
        "rank": ["word/rank"],
    },
    "Softmax": {
        "mass of the most likely words": [f"softmax/top_{count}$" for count in MASSES],
        "mass of what is never written": ["softmax/unknown", "softmax/no_word"],
    },
    "Speed": {"words per second": ["word/per_second"]},
}


def main() -> None:
    """Do what is asked on stdin until it ends: pickled, (method of `Orders`, *arguments).

    What goes wrong is printed on stdout, with exit code 1.
    """
    try:
        with contextlib.closing(Runs(int(sys.argv[1]))) as runs:
            while order := _next(sys.stdin.buffer):
                name, *arguments = order
                getattr(runs, name)(*arguments)
    except (OSError, LmgenError) as error:
        sys.stdout.write(getattr(error, "strerror", str(error)))
        sys.exit(1)


def _next(orders) -> tuple | None:
    """The next order; None at the end, be it in the middle of one."""
    try:
        return pickle.load(orders)
    except (EOFError, pickle.UnpicklingError):
        return None


class Runs(Orders):
    """All runs of a call, and then of another."""

    def __init__(self, memory: int) -> None:
        """`memory`: for `Slots`."""
        self._memory = memory
        self._runs: dict[Key, _Run] = {}
        self._samples: dict[Key, Sample] = {}

    def read(self, graph: Path) -> None:
        _forward(graph)

    def know(self, graph: Path, lines: bytes) -> None:
        self._graph, self._vocabulary = graph, Vocabulary(Lines(lines))

    def share(self, rows: int) -> None:
        self._slots = Slots(self._memory, rows)

    def describe(self, folder: Path, options: dict[str, Any]) -> None:
        self._folder = folder
        with contextlib.closing(Writer(folder)) as writer:
            writer.write_graph(_forward(self._graph))
            writer.write(0, [layout_value(LAYOUT), hparams.experiment(options)])

    def begin(self, key: Key, folder: Path, prefix: str, options: dict[str, Any], group: str) -> None:
        self._runs[key] = _Run(folder, prefix, options, group)
        if len(self._samples) < COLOURED:
            self._samples[key] = Sample(prefix)

    def add(self, key: Key, arrival: Arrival) -> None:
        measured = measure(self._slots[arrival.slot], arrival.word, arrival.logprob, self._vocabulary)
        self._runs[key].add(arrival.came, *measured, arrival.histograms)
        if key in self._samples and len(self._samples[key].words) < PICTURED:
            self._samples[key].add(arrival.word, -arrival.logprob / math.log(2))

    def end(self, key: Key) -> None:
        self._runs.pop(key).close()

    def flush(self) -> None:
        for run in self._runs.values():
            run.flush()
        sys.stdout.buffer.write(DONE)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        while self._runs:
            self._runs.popitem()[1].close()
        samples = [sample for _, sample in sorted(self._samples.items()) if sample.words]
        self._samples.clear()
        if samples:  # into a file of its own: TensorBoard reads no older one again
            with contextlib.closing(Writer(self._folder)) as writer:
                for page, png in enumerate(coloured(samples)):
                    writer.write(page, [image_value("text/surprisal", png)])


class _Run:
    """One continuation."""

    def __init__(self, folder: Path, prefix: str, options: dict[str, Any], group: str) -> None:
        self._words: list[str] = []
        self._bits, self._began = 0.0, 0.0
        self._heatmap = Heatmap()
        self._writer = Writer(folder)
        self._writer.write(0, [text_value("text/prefix", plain(prefix)), hparams.begun(options, group)])

    def add(self, came: float, values: dict[str, float], column: Column, histograms: dict[str, np.ndarray]) -> None:
        """Write all that is shown of a word.

        Args:
          came: when, in seconds of any clock.
          values: scalars by their tags.
          histograms: numbers, float32 of any shape, by the tags of their histograms.
        """
        number = len(self._words)
        self._words.append(column.word)
        self._bits += values["word/surprisal"]
        values["word/perplexity"] = 2 ** (self._bits / (number + 1))
        if number:  # the first word waited for nothing
            values["word/per_second"] = number / max(came - self._began, 1e-9)
        else:
            self._began = came
        shown = [histogram_value(tag, numbers) for tag, numbers in histograms.items()]
        if number < PICTURED:
            shown.append(image_value("softmax/step", bars(number, column)))
            shown += [image_value("softmax/most_likely", png) for png in self._heatmap.add(column)]
        self._writer.write(number, [*scalars(values), text_value("text/top_10", _table(column)), *shown])

    def flush(self) -> None:
        """Let what was added be seen."""
        self._writer.flush()

    def close(self) -> None:
        """Write all that is shown of the whole."""
        if count := len(self._words):
            written = text_value("text/continuation", plain(detokenize_sentences(self._words)))
            pictures = [image_value("softmax/most_likely", png) for png in self._heatmap.rest()]
            pictures.append(image_value("softmax/whole", self._heatmap.whole))
            mean = scalars({hparams.MEAN: self._bits / count})
            self._writer.write(count - 1, [written, *pictures, *mean, hparams.done()])
        self._writer.close()


@cache
def _forward(graph: Path) -> bytes:
    """The part of a graph from characters to the softmax, a serialised GraphDef."""
    return read_forward(graph).SerializeToString()


def _table(column: Column) -> str:
    """The most likely words of a step, in Markdown; the one that came is bold."""
    rows = [f"**{plain(column.word)}** {column.share:.2%}", "", "| | word | probability |", "|-:|:-|-:|"]
    for rank, (word, share) in enumerate(zip(column.words[:LISTED], column.shares.tolist(), strict=False), 1):
        shown = f"**{plain(word)}**" if word == column.word else plain(word)
        rows.append(f"| {rank} | {shown} | {share:.2%} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
    os._exit(0)  # to take apart what was imported would take as long as a hundred words
