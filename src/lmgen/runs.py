"""The runs of a board, as TensorBoard reads them, written as the words come.

`python -m lmgen.runs` writes in a process of its own, so that words need not wait for it: see `main`.
"""

import contextlib
import pickle
import sys
from pathlib import Path

import numpy as np

from lmgen import heatmap, hparams
from lmgen.definition import forward, read_graph, shape_of
from lmgen.generate import Generation
from lmgen.measuring import MASSES, Column
from lmgen.summaries import Writer, histogram_value, image_value, layout_value, plain, scalars, text_value
from lmgen.tokenizer import detokenize_sentences

Key = tuple[int, int]
"""Of a continuation: the numbers of its prompt and its sample."""
LISTED = 10
"""Likeliest words of a step that are written as text."""
LAYOUT = {
    "Words": {
        "surprisal and entropy, bits": ["word/surprisal", "softmax/entropy"],
        "perplexity so far": ["word/perplexity"],
        "rank": ["word/rank"],
    },
    "Softmax": {
        "mass of the likeliest words": [f"softmax/top_{count}$" for count in MASSES],
        "mass of what is never written": ["softmax/unknown", "softmax/no_word"],
    },
    "Speed": {"words per second": ["word/per_second"]},
}


def main() -> None:
    """Do what is asked on stdin until it ends: pickled, (method of `Runs`, *arguments).

    What goes wrong is told on stdout, with exit code 1.
    """
    try:
        with contextlib.closing(Runs()) as runs:
            while order := _next(sys.stdin.buffer):
                name, *arguments = order
                getattr(runs, name)(*arguments)
    except OSError as error:
        sys.stdout.write(error.strerror)
        sys.exit(1)


def _next(orders) -> tuple | None:
    """The next order; None at the end, be it in the middle of one."""
    try:
        return pickle.load(orders)
    except (EOFError, pickle.UnpicklingError):
        return None


class Runs:
    """All runs of one call."""

    def __init__(self) -> None:
        self._runs: dict[Key, _Run] = {}

    def describe(self, folder: Path, graph: Path) -> None:
        """Write what concerns all continuations: the model's graph, read from its file, and what the tabs show."""
        definition = read_graph(graph)
        layers = shape_of(definition, graph).layers
        with contextlib.closing(Writer(folder)) as writer:
            writer.write_graph(forward(definition, layers).SerializeToString())
            writer.write(0, [layout_value(LAYOUT), hparams.experiment()])

    def begin(self, key: Key, folder: Path, prefix: str, options: Generation, group: str) -> None:
        """A continuation of a prefix begins."""
        self._runs[key] = _Run(folder, prefix, options, group)

    def add(self, key: Key, *step) -> None:
        """Its next word: see `_Run.add`."""
        self._runs[key].add(*step)

    def end(self, key: Key) -> None:
        """It is complete."""
        self._runs.pop(key).close()

    def close(self) -> None:
        """No more is to come, of any."""
        for run in self._runs.values():
            run.close()


class _Run:
    """One continuation."""

    def __init__(self, folder: Path, prefix: str, options: Generation, group: str) -> None:
        self._columns: list[Column] = []
        self._bits, self._began = 0.0, 0.0
        self._writer = Writer(folder)
        self._writer.write(0, [text_value("text/prefix", plain(prefix)), hparams.begun(options, group)])

    def add(self, came: float, values: dict[str, float], column: Column, histograms: dict[str, np.ndarray]) -> None:
        """Write what is to be told of a word.

        Args:
          came: when, in seconds of any clock.
          values: scalars by their tags.
          histograms: numbers by the tags of their histograms.
        """
        number = len(self._columns)
        self._columns.append(column)
        self._bits += values["word/surprisal"]
        values["word/perplexity"] = 2 ** (self._bits / (number + 1))
        if number:  # the first word waited for nothing
            values["word/per_second"] = number / max(came - self._began, 1e-9)
        else:
            self._began = came
        shown = [histogram_value(tag, numbers) for tag, numbers in histograms.items()]
        self._writer.write(number, [*scalars(values), text_value("text/top_10", _table(column)), *shown])

    def close(self) -> None:
        """Write what is to be told of the whole."""
        if count := len(self._columns):
            words = [column.word for column in self._columns]
            written = text_value("text/continuation", plain(detokenize_sentences(words)))
            picture = image_value("softmax/likeliest", heatmap.draw(self._columns))
            mean = scalars({hparams.MEAN: self._bits / count})
            self._writer.write(count - 1, [written, picture, *mean, hparams.done()])
        self._writer.close()


def _table(column: Column) -> str:
    """The likeliest words of a step, in Markdown; the one that came is bold."""
    rows = [f"**{plain(column.word)}** {column.share:.2%}", "", "| | word | probability |", "|-:|:-|-:|"]
    for rank, (word, share) in enumerate(zip(column.words[:LISTED], column.shares.tolist(), strict=False), 1):
        shown = f"**{plain(word)}**" if word == column.word else plain(word)
        rows.append(f"| {rank} | {shown} | {share:.2%} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
