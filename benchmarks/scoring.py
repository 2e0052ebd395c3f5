"""Words per second of scoring, beside the program of 2016 and beside PyTorch, on the same text in one run.

    python benchmarks/scoring.py [-m MODEL] [--file FILE] [--words 20000] [--slow-words 200]
    python benchmarks/scoring.py --random 793471 --folder FOLDER   # lm_1b's size, random weights: 4 GB on disk

`lmgen bench` measures it in turns; this prints also words per second of all cores' work, which other work on the
machine changes less, and what rank and entropy cost. 2016: one word per session.run, the whole softmax fetched,
on the text's first words. lmgen and PyTorch (float32, if it is installed): `lmgen.scoring.score`. Loading is not
counted; each runs in a process of its own.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from lmgen.bench.contenders import zipfian_text
from lmgen.checkpoint.manifest import Manifest
from lmgen.checkpoint.shape import Shape, softmax_rows, weight_shapes
from lmgen.engines import EngineOptions, load
from lmgen.store.library import find
from lmgen.text.vocabulary import MARKS, Vocabulary

RELEASED = Shape(filters=(32, 32, 64, 128, 256, 512, 1024, 2048), projection=1024, cells=8192, rows=800_000)

Sentences = list[list[str]]


def first(sentences: Sentences, words: int) -> Sentences:
    """The sentences that begin within the first so many words."""
    ends = accumulate(len(sentence) + 1 for sentence in sentences)
    return [sentence for sentence, end in zip(sentences, ends, strict=True) if end - len(sentence) <= words]


def zipfian_sentences(vocabulary: Vocabulary, words: int) -> Sentences:
    """Random text by Zipf's law, sentences of 1 to 50 words."""
    cuts = np.cumsum(np.random.default_rng(0).integers(1, 51, words // 25))
    return [part.tolist() for part in np.split(zipfian_text(vocabulary, words), cuts[cuts < words])]


def write_random_model(folder: Path, words: int) -> None:
    """A model of the released shape with random weights, its vocabulary made up."""
    from lmgen.checkpoint.writer import write_model

    rng = np.random.default_rng(0)
    shape = Shape(**{**vars(RELEASED), "rows": softmax_rows(words)})
    weights = {
        name: rng.standard_normal(size, np.float32) * np.float32(0.03) for name, size in weight_shapes(shape).items()
    }
    vocabulary = Vocabulary([*MARKS, *(f"w{number}" for number in range(words - len(MARKS)))])
    write_model(folder, Manifest(folder.name, "Random.", "CC0-1.0", shape, words), vocabulary, weights, step=0)


# The contestants: each takes a model and sentences, and returns words per second and per second of work


class Clock:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def rates(self, words: int) -> tuple[float, float]:
        return words / (time.perf_counter() - self._began[0]), words / (time.process_time() - self._began[1])


def lmgen(model: str, sentences: Sentences, measures: bool = False) -> tuple[float, float]:

    return rates(load(find(model), EngineOptions(precision="float32")), sentences, measures)


def measured(model: str, sentences: Sentences) -> tuple[float, float]:
    return lmgen(model, sentences, measures=True)


def pytorch(model: str, sentences: Sentences) -> tuple[float, float]:
    from lmgen.bench.pytorch import PyTorchModel

    return rates(PyTorchModel(find(model), quantized=False), sentences)


def rates(lm, sentences: Sentences, measures: bool = False) -> tuple[float, float]:
    from lmgen.scoring.measure import Scoring
    from lmgen.scoring.score import Sentence, score_sentences

    options = Scoring(rank=measures, entropy=measures)
    list(score_sentences(lm, [Sentence([])]))
    clock = Clock()
    return clock.rates(sum(len(scored.tokens) for scored in score_sentences(lm, map(Sentence, sentences), options)))


def protocol_2016(model: str, sentences: Sentences) -> tuple[float, float]:
    from lmgen.bench.original import Original

    original = Original(find(model))
    original.read([])  # the first run compiles
    clock = Clock()
    for sentence in sentences:
        original.read(sentence)
    return clock.rates(sum(len(sentence) + 1 for sentence in sentences))


def alone(function: Callable, *arguments):
    """Call a function in a process of its own, whose memory ends with it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main(model: str, file: Path | None, words: int, slow_words: int, random: int | None, folder: Path | None) -> None:
    if random:
        model = str(folder)
        if not (folder / "model.toml").exists():
            alone(write_random_model, folder, random)
    vocabulary = Vocabulary.load(find(model).vocabulary)
    text = [line.split() for line in file.open(encoding="utf-8")] if file else zipfian_sentences(vocabulary, words)
    contestants = [
        ("2016, one word per run", protocol_2016, slow_words),
        *([("PyTorch, batched, float32", pytorch, words)] if find_spec("torch") else []),
        ("lmgen", lmgen, words),
        ("lmgen, with rank and entropy", measured, words),
    ]
    found = {}
    for name, run, count in contestants:
        found[name] = alone(run, model, first(text, count))
        print("{:30} {:10,.1f} words/s {:10,.1f} per second of work".format(name, *found[name]), flush=True)
    for name in list(found)[:-2]:
        ratios = (ours / theirs for ours, theirs in zip(found["lmgen"], found[name], strict=True))
        print("lmgen / {:30} {:8.1f} {:8.1f}".format(name, *ratios))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default="mini")
    parser.add_argument("--file", type=Path, help="tokenised text, a sentence a line; else random words")
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--slow-words", type=int, default=200)
    parser.add_argument("--random", type=int, metavar="WORDS", help="a model of the released shape, with so many words")
    parser.add_argument("--folder", type=Path, help="where it is, or is to be written")
    main(**vars(parser.parse_args()))
