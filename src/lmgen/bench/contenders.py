"""What can be measured: engines, and what they are compared with, made to read, write and score."""

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Protocol

import numpy as np

from lmgen.checkpoint import ModelFiles, Shape, read_graph, shape_of, weight_shapes
from lmgen.engines import PRECISIONS, Converted, EngineOptions, find_converted, load, quiet_tensorflow
from lmgen.errors import UsageError, needing_tensorflow
from lmgen.generation import Constraints, Generation, generate_from
from lmgen.model import LanguageModel, read
from lmgen.scoring import Sentence, score_sentences
from lmgen.store import find
from lmgen.text import MARKS, Vocabulary

ENGINES = (*(f"litert:{precision}" for precision in PRECISIONS), "session")
RIVALS = ("original", "torch")
PREFIX = ("The", "president", "said")
TEXT = 20_000
"""Words of the text that is read and scored, again and again if that is too few."""
SENTENCE = 20
"""Words of its sentences."""
SCORED = 640
"""Words at least that are scored at once, where sentences are read side by side."""


class Contender(Protocol):
    """Each kind of work returns how many words were done."""

    bytes_read: int
    """Of weights, for one word."""
    least_scored: int
    """Words to score at once, at least."""

    def read(self, words: int) -> int:
        """Read a prefix; `<S>`, which comes first, is counted."""

    def write(self, words: int, rows: int) -> int:
        """Write so many words of each of so many continuations."""

    def score(self, words: int) -> int:
        """Find the probability of every word, and of the sentences' ends."""


class Engine:
    """A `LanguageModel` at work. What it writes is drawn from the whole distribution."""

    least_scored = SCORED

    def __init__(self, model: LanguageModel, bytes_read: int) -> None:
        self._model, self.bytes_read = model, bytes_read
        self._text = zipfian_text(model.vocabulary)
        self._context = read(model, PREFIX)

    def read(self, words: int) -> int:
        read(self._model, cut(self._text, words))
        return words + 1

    def write(self, words: int, rows: int) -> int:
        options = Generation(samples=rows, max_words=words, seed=1, constraints=Constraints(ignore_end=True))
        for _ in generate_from(self._model, self._context, options):
            pass
        return words * rows

    def score(self, words: int) -> int:
        return sum(
            len(scored.tokens) for scored in score_sentences(self._model, map(Sentence, sentences(self._text, words)))
        )


class Program2016:
    """The original at work: it has one text at a time, so many texts come one after the other."""

    least_scored = 1

    def __init__(self, files: ModelFiles) -> None:
        from lmgen.bench.original import Original

        self._original = Original(files)
        self.bytes_read = 4 * self._original.shape.parameters
        self._text = zipfian_text(self._original.vocabulary)
        self._written = self._original.write(PREFIX, np.random.default_rng(1))

    def read(self, words: int) -> int:
        self._original.read(cut(self._text, words))
        return words + 1

    def write(self, words: int, rows: int) -> int:
        """The first of the continuations alone: each takes as long. It continues what was read last."""
        for _ in islice(self._written, words):
            pass
        return words

    def score(self, words: int) -> int:
        texts = sentences(self._text, words)
        for text in texts:
            self._original.read(text)
        return sum(len(text) + 1 for text in texts)


def open_contender(model: str, name: str) -> Contender:
    """Load what a name of ENGINES or RIVALS stands for."""
    files = find(model)
    engine, _, precision = name.partition(":")
    with needing_tensorflow("the program of 2016"), quiet_tensorflow():
        if name == "original":
            return Program2016(files)
        if name == "torch":
            from lmgen.bench.pytorch import PyTorchModel

            rival = PyTorchModel(files)
            return Engine(rival, bytes_of(rival.shape, 1))
    if engine == "session":
        shape = shape_of(read_graph(files.graph), files.graph)
        return Engine(load(files, EngineOptions("session")), bytes_of(shape, 4))
    return Engine(load(files, EngineOptions(engine, precision)), _bytes_in(find_converted(files, precision)))


def present(files: ModelFiles) -> list[str]:
    """The engines that can run a model as it is."""
    converted = [f"litert:{precision}" for precision in PRECISIONS if find_converted(files, precision)]
    return [*converted, "session"]


def check_installed(rivals: Sequence[str]) -> None:
    """Raises UsageError if PyTorch is wanted and not there."""
    if "torch" in rivals and not find_spec("torch"):
        raise UsageError("PyTorch is not installed: pip install torch, or leave out --against torch")


def bytes_of(shape: Shape, each: int) -> int:
    """Weights of LSTMs and softmax, where a number of a matrix takes `each` bytes."""
    sizes = [size for name, size in weight_shapes(shape).items() if not name.startswith("char_embedding/")]
    return sum(int(np.prod(size)) * (each if len(size) > 1 else 4) for size in sizes)


def _bytes_in(converted: Converted | None) -> int:
    return 0 if converted is None else sum(path.stat().st_size for path in (converted.memory, *converted.softmax))


# The text -------------------------------------------------------------------------------------


def zipfian_text(vocabulary: Vocabulary, words: int = TEXT) -> list[str]:
    """Random text in the vocabulary's words by Zipf's law: the same for the same vocabulary."""
    known = len(vocabulary) - len(MARKS)
    shares = 1 / np.arange(1, known + 1)
    drawn = np.random.default_rng(0).choice(known, words, p=shares / shares.sum()) + len(MARKS)
    return [vocabulary.word(index) for index in drawn.tolist()]


def cut(text: list[str], words: int) -> list[str]:
    """So many words of a text, from its beginning, over and over."""
    return (text * -(-words // len(text)))[:words]


def sentences(text: list[str], words: int) -> list[list[str]]:
    """So many words of a text as sentences."""
    taken = cut(text, words)
    return [taken[begin : begin + SENTENCE] for begin in range(0, words, SENTENCE)]
