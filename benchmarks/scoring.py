"""Words per second of scoring, beside the protocol of 2016 and beside PyTorch, on the same text in one run.

    python benchmarks/scoring.py [-m MODEL] [--file FILE] [--words 20000] [--slow-words 200]
    python benchmarks/scoring.py --random 793471 --folder FOLDER   # lm_1b's size, random weights: 4 GB on disk

2016: one word per session.run on the graph as released, the whole softmax fetched. lmgen: `lmgen.scoring.score`
(log-probabilities; with rank and entropy). PyTorch, if it is installed: batches as large, every distinct word
spelled once, LSTM step by step, float32 softmax and cross entropy per batch of steps. Loading is not
counted; each runs in a process of its own, 2016 on the text's first words. Words per second of all cores' work are
told too: other work on the machine changes them less.
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

from lmgen.manifest import WIDTHS, Manifest, Shape, softmax_rows, weight_shapes
from lmgen.store import find
from lmgen.vocabulary import MARKS, SENTENCE_END, SENTENCE_START, Vocabulary

RELEASED = Shape(filters=(32, 32, 64, 128, 256, 512, 1024, 2048), projection=1024, cells=8192, rows=800_000)
POSITIONS = 2048
"""Of PyTorch's batches, whose logits are computed at once, divided by the vocabulary's size in ten thousands."""

Sentences = list[list[str]]


def first(sentences: Sentences, words: int) -> Sentences:
    """The sentences that begin within the first so many words."""
    ends = accumulate(len(sentence) + 1 for sentence in sentences)
    return [sentence for sentence, end in zip(sentences, ends, strict=True) if end - len(sentence) <= words]


def zipfian_sentences(vocabulary: Vocabulary, words: int) -> Sentences:
    """Random text in the vocabulary's words by Zipf's law, sentences of 1 to 50 words."""
    rng = np.random.default_rng(0)
    known = len(vocabulary) - len(MARKS)
    shares = 1 / np.arange(1, known + 1)
    ids = rng.choice(known, words, p=shares / shares.sum()) + len(MARKS)
    cuts = np.cumsum(rng.integers(1, 51, words // 25))
    return [[vocabulary.word(index) for index in part] for part in np.split(ids, cuts[cuts < words])]


def write_random_model(folder: Path, words: int) -> None:
    """A model of the released shape with random weights, its vocabulary made up."""
    from lmgen.layout import write_model

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
    from lmgen.engines import load
    from lmgen.scoring import Scoring, Sentence, score

    lm, options = load(model), Scoring(rank=measures, entropy=measures)
    list(score(lm, [Sentence([])]))
    clock = Clock()
    return clock.rates(sum(len(scored.tokens) for scored in score(lm, map(Sentence, sentences), options)))


def measured(model: str, sentences: Sentences) -> tuple[float, float]:
    return lmgen(model, sentences, measures=True)


def protocol_2016(model: str, sentences: Sentences) -> tuple[float, float]:
    import tensorflow as tf

    from lmgen.session import read_graph

    v1, files = tf.compat.v1, find(model)
    vocabulary = Vocabulary.load(files.vocabulary)
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(read_graph(files.graph), name="")
        session.run("save/restore_all", {"save/Const:0": str(files.folder / "ckpt-*")})
        session.run("states_init")
        feeds = {"inputs_in:0": [[0]], "targets_in:0": [[0]], "target_weights_in:0": [[1.0]]}
        clock, count = None, 0
        for sentence in sentences:
            for word in (SENTENCE_START, *sentence):
                characters = vocabulary.char_ids(word).reshape(1, 1, -1)
                session.run(
                    ["softmax_out:0", "lstm/lstm_1/control_dependency:0"], {**feeds, "char_inputs_in:0": characters}
                )
                clock, count = clock or Clock(), count + 1  # the first run compiles
        return clock.rates(count - 1)


def pytorch(model: str, sentences: Sentences) -> tuple[float, float]:
    import torch

    files = find(model)
    vocabulary = Vocabulary.load(files.vocabulary)
    spell, surprisals = torch_network(files.folder)
    clock, count = Clock(), 0
    with torch.inference_mode():
        types = sorted({SENTENCE_START, *(word for sentence in sentences for word in sentence)})
        vectors = spell(vocabulary.all_char_ids(types))
        places = {word: place for place, word in enumerate(types)}
        ordered = sorted(sentences, key=len, reverse=True)
        for start in range(0, len(ordered), 128):
            batch = ordered[start : start + 128]
            count += len(surprisals(batch, vocabulary, vectors, places))
    return clock.rates(count)


def torch_network(folder: Path) -> tuple[Callable, Callable]:
    """What makes vectors of character ids, and what makes surprisals, in nats, of sentences, the longest first."""
    import torch
    from torch.nn import functional

    w = {name: torch.from_numpy(value) for name, value in joined_weights(folder).items()}
    kernels = [
        w[f"char_embedding/cnn_{index}/kernel"][:, :, 0].permute(2, 1, 0).contiguous() for index in range(len(WIDTHS))
    ]
    layers = sorted({name.split("/")[1] for name in w if name.startswith("lstm/")})
    cells, size = w["lstm/lstm_0/W_P"].shape

    def spell(characters):
        return torch.cat([convolve(part) for part in torch.from_numpy(characters).long().split(512)])

    def convolve(characters):
        letters = w["char_embedding/W"][characters].transpose(1, 2)
        maps = (
            functional.conv1d(letters, kernel, w[f"char_embedding/cnn_{index}/b"].flatten())
            for index, kernel in enumerate(kernels)
        )
        x = torch.cat([found.amax(2).relu() for found in maps], 1)
        for layer in sorted({name.split("/")[1] for name in w if "/gate/" in name}):
            scope = f"char_embedding/{layer}"
            gate = torch.sigmoid(x @ w[f"{scope}/gate/W"] + w[f"{scope}/gate/b"] - 2)
            x = gate * torch.relu(x @ w[f"{scope}/tr/W"] + w[f"{scope}/tr/b"]) + (1 - gate) * x
        return x @ w["char_embedding/proj/W"] + w["char_embedding/proj/b"]

    def step(scope, x, c, h):
        i, j, f, o = (torch.cat([x, h], 1) @ w[f"{scope}/W"] + w[f"{scope}/B"]).chunk(4, 1)
        forget = torch.sigmoid(f + 1 + w[f"{scope}/W_F_diag"] * c)
        c = forget * c + torch.sigmoid(i + w[f"{scope}/W_I_diag"] * c) * torch.tanh(j)
        return c, (torch.sigmoid(o + w[f"{scope}/W_O_diag"] * c) * torch.tanh(c)) @ w[f"{scope}/W_P"]

    def surprisals(batch, vocabulary, vectors, places):
        memory = [(torch.zeros(len(batch), cells), torch.zeros(len(batch), size)) for _ in layers]
        tops, targets = [], []
        for place in range(len(batch[0]) + 1):
            live = [sentence for sentence in batch if len(sentence) >= place]
            x = vectors[[places[sentence[place - 1] if place else SENTENCE_START] for sentence in live]]
            for layer, name in enumerate(layers):
                c, h = (part[: len(live)] for part in memory[layer])
                memory[layer] = step(f"lstm/{name}", x, c, h)
                x = memory[layer][1]
            tops.append(x)
            targets += [vocabulary.id(sentence[place] if place < len(sentence) else SENTENCE_END) for sentence in live]
        block = max(64, POSITIONS * 10_000 // len(vocabulary))
        pairs = zip(torch.cat(tops).split(block), torch.tensor(targets).split(block), strict=True)
        return torch.cat(
            [
                functional.cross_entropy(
                    functional.linear(h, w["softmax/W"], w["softmax/b"])[:, : len(vocabulary)], wanted, reduction="none"
                )
                for h, wanted in pairs
            ]
        )

    return spell, surprisals


def joined_weights(folder: Path) -> dict[str, np.ndarray]:
    """Weights by their names without shards."""
    import tensorflow as tf

    from lmgen.graph import shard_names
    from lmgen.session import read_graph, shape_of

    files, reader = find(str(folder)), tf.compat.v1.train.NewCheckpointReader(str(folder / "ckpt-*"))
    weights = {}
    for name, shape in weight_shapes(shape_of(read_graph(files.graph), files.graph)).items():
        names = shard_names(name)
        if name == "softmax/W":  # its rows are dealt out in turn
            weights[name] = np.empty(shape, np.float32)
            for shard, part in enumerate(names):
                weights[name][shard :: len(names)] = reader.get_tensor(part)
        else:
            weights[name] = np.concatenate([reader.get_tensor(part) for part in names]).reshape(shape)
    return weights


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
    rates = {}
    for name, run, count in contestants:
        rates[name] = alone(run, model, first(text, count))
        print("{:30} {:10,.1f} words/s {:10,.1f} per second of work".format(name, *rates[name]), flush=True)
    for name in list(rates)[:-2]:
        ratios = (ours / theirs for ours, theirs in zip(rates["lmgen"], rates[name], strict=True))
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
