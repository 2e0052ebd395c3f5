"""lmgen at the release's full size, beside the way the program of 2016 ran it: restore, memory, words per second.

    python benchmarks/full_scale.py FOLDER [--graph PBTXT] [--words 20] [--rounds 2]

FOLDER gets a model of the release's shape with random weights, drawn as the release's graph draws them:
twelve shards (4.2 GB), a vocabulary of 793,471 made-up words, and the graph: that of a PBTXT (the released
one, on the CPU), else the one lmgen builds. Each run is a process of its own, and they take turns. The
time of a word is the shorter half's mean, because other work on the machine only ever adds to it.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lmgen.manifest import Shape
from lmgen.store import CHECKPOINT_FILES, find, released

WORDS = 793_471
PREFIX = ("<S>", "The", "president", "said")
LSTM_RANGE = 1 / np.sqrt(2 * (8192 + 1024))


def draw(name: str, size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A variable as the release's graph initialises it."""
    if re.search(r"/(b|B)$", name):
        return np.zeros(size, np.float32)
    if name.startswith("softmax/") or "/dense_" in name or "/proj/" in name:
        return rng.standard_normal(size, np.float32) * np.float32(1 / 32 if name.startswith("softmax/") else 1 / 64)
    reach = 1.0 if name == "char_embedding/W" else 0.05 if "/cnn_" in name else LSTM_RANGE
    return (rng.random(size, np.float32) * 2 - 1) * np.float32(reach)


def write_model(folder: Path, shape: Shape, graph: Path | None) -> None:
    """The graph, the vocabulary, and one shard after the other."""
    from google.protobuf import text_format

    from lmgen.definition import read_graph
    from lmgen.graph import build_graph, variable_shapes
    from lmgen.layout import file_of, write_shard
    from lmgen.vocabulary import MARKS, Vocabulary

    folder.mkdir(parents=True, exist_ok=True)
    definition = read_graph(graph) if graph else build_graph(shape)
    on_the_cpu(definition)
    (folder / "graph-full.pbtxt").write_text(text_format.MessageToString(definition))
    known = [*MARKS, "The", "president", "said"]
    Vocabulary([*known, *(f"w{number}" for number in range(WORDS - len(known)))]).save(folder / "vocab-full.txt")
    rng = np.random.default_rng(1)
    for file in CHECKPOINT_FILES:
        names = {name: size for name, size in variable_shapes(shape).items() if file_of(name) == file}
        variables = {name: draw(name, size, rng) for name, size in names.items()}
        write_shard(folder / file, variables or {"global_step": np.array(14_108_582, np.int64)})


def on_the_cpu(definition) -> None:
    """No device names, and every variable restored (a copy of the graph that is about leaves the softmax out)."""
    restoring = [node.name for node in definition.node if re.fullmatch(r"save/Assign(_\d+)?", node.name)]
    for node in definition.node:
        node.device = ""
        if node.name == "save/restore_shard":
            node.input[:] = [f"^{name}" for name in restoring]


def run_plain(folder: Path, words: int) -> Iterator[np.ndarray | None]:
    """The released graph as lm_1b_eval.py ran it: one word per session.run, the memory in the graph."""
    import tensorflow as tf
    from google.protobuf import text_format

    from lmgen.vocabulary import Vocabulary

    v1, files = tf.compat.v1, find(str(folder))
    definition, vocabulary = v1.GraphDef(), Vocabulary.load(files.vocabulary)
    text_format.Parse(files.graph.read_text(), definition)
    rng = np.random.default_rng(1)
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(definition, name="")
        session.run("save/restore_all", {"save/Const:0": str(folder / "ckpt-*")})
        session.run("states_init")
        yield None
        waiting = list(PREFIX)
        for _ in range(words + len(PREFIX)):
            feeds = {
                "char_inputs_in:0": vocabulary.char_ids(waiting.pop(0)).reshape(1, 1, -1),
                "inputs_in:0": [[0]],
                "targets_in:0": [[0]],
                "target_weights_in:0": [[1.0]],
            }
            softmax, logits = session.run(["softmax_out:0", "BiasAdd:0"], feeds)
            if not waiting:
                drawn = int(np.searchsorted(np.cumsum(softmax[0]), rng.random()))
                waiting.append(vocabulary.word(min(drawn, WORDS - 1)))
                yield logits[0]


def run_lmgen(folder: Path, words: int) -> Iterator[np.ndarray | None]:
    """The session engine, one text."""
    from lmgen.engines import load
    from lmgen.events import Word
    from lmgen.generate import Generation, generate
    from lmgen.model import read

    model = load(str(folder))
    yield None
    context = read(model, PREFIX[1:])
    first = model.logits(context.state)[0]
    for event in generate(model, context, Generation(max_words=words + 1, seed=1)):
        if isinstance(event, Word):
            yield first


def measure(part: str, folder: Path, words: int, logits: Path) -> None:
    """Run one way and print its figures as JSON."""
    began = time.perf_counter()
    steps = (run_plain if part == "plain" else run_lmgen)(folder, words)
    next(steps)
    restored = time.perf_counter()
    np.save(logits, next(steps))
    times = [time.perf_counter()]
    times.extend(time.perf_counter() for _ in steps)
    seconds = np.sort(np.diff(times))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    half = seconds[: (len(seconds) + 1) // 2]
    print(json.dumps({"restore": restored - began, "peak": peak, "words": len(seconds), "word": half.mean()}))


def in_a_process(part: str, folder: Path, words: int, logits: Path) -> dict:
    command = [sys.executable, __file__, str(folder), "--part", part, "--words", str(words), "--logits", str(logits)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def compare(folder: Path, words: int, rounds: int) -> None:
    """Both ways in turn, and the command line once."""
    found: dict[str, list[dict]] = {"plain": [], "lmgen": []}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(rounds):
            for part, runs in found.items():
                runs.append(in_a_process(part, folder, words, Path(scratch) / f"{part}.npy"))
                print(part, {name: round(value, 3) for name, value in runs[-1].items()}, flush=True)
        plain, ours = (np.load(Path(scratch) / f"{part}.npy") for part in found)
    print(
        f"logits after {' '.join(PREFIX)} differ by {np.abs(plain - ours).max():.1e}, up to {np.abs(plain).max():.1e}"
    )
    best = {part: {name: min(run[name] for run in runs) for name in runs[0]} for part, runs in found.items()}
    print(f"{'':<8}{'s to restore':>14}{'peak GB':>10}{'ms/word':>10}{'words/s':>10}")
    for part, run in best.items():
        print(
            f"{part:<8}{run['restore']:>14.1f}{run['peak'] / 1e9:>10.2f}{run['word'] * 1e3:>10.0f}{1 / run['word']:>10.2f}"
        )
    speed, memory = (best["plain"][name] / best["lmgen"][name] for name in ("word", "peak"))
    print(f"lmgen: {speed:.2f} times fewer ms/word, {memory:.2f} times less memory")
    command = ["lmgen", "complete", "-m", str(folder), "The president said", "--seed", "1", "--max-words", str(words)]
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command, "--stats"], check=True)
    print(f"{' '.join(command)}: {time.perf_counter() - began:.1f} s in all")


def main(folder: Path, graph: Path | None, words: int, rounds: int, part: str, logits: Path) -> None:
    if part:
        measure(part, folder, words, logits)
        return
    if not all((folder / name).exists() for name in (*CHECKPOINT_FILES, "vocab-full.txt")):
        began = time.perf_counter()
        write_model(folder, released()["lm1b"].shape, graph)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{folder}: {size / 1e9:.2f} GB written in {time.perf_counter() - began:.0f} s", flush=True)
    compare(folder, words, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--graph", type=Path)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part", choices=("plain", "lmgen"), default="", help=argparse.SUPPRESS)
    parser.add_argument("--logits", type=Path, help=argparse.SUPPRESS)
    main(**vars(parser.parse_args()))
