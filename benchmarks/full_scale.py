"""Write a model of the release's full size, to be measured without a download.

    python benchmarks/full_scale.py FOLDER [--graph PBTXT]
    lmgen convert FOLDER
    lmgen bench FOLDER --against original

FOLDER gets a model of the release's shape with random weights, drawn as the release's graph draws them:
twelve shards (4.2 GB), a vocabulary of 793,471 made-up words, and the graph: that of a PBTXT (the released
one, on the CPU), else the one lmgen builds.
"""

import argparse
import re
import time
from pathlib import Path

import numpy as np

from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.checkpoint.shape import Shape
from lmgen.store.library import released

WORDS = 793_471
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

    from lmgen.checkpoint.definition import read_graph
    from lmgen.checkpoint.graph import build_graph
    from lmgen.checkpoint.names import file_of, variable_shapes
    from lmgen.checkpoint.writer import write_shard
    from lmgen.text.vocabulary import MARKS, Vocabulary

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


def main(folder: Path, graph: Path | None) -> None:
    began = time.perf_counter()
    write_model(folder, released()["lm1b"].shape, graph)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size / 1e9:.2f} GB written in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--graph", type=Path)
    main(**vars(parser.parse_args()))
