"""Write a model in the release's layout: twelve checkpoint files beside graph, vocabulary and manifest.

The checkpoint is in TensorFlow's V1 format, where every variable lies whole in one file.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from lmgen.checkpoint.graph import build_graph, shard_names
from lmgen.checkpoint.manifest import SHARDS, File, Manifest, sha256
from lmgen.text.vocabulary import Vocabulary


def file_of(variable: str) -> str:
    """Which of the twelve files holds a variable: one each for the step, CNN, LSTM, softmax shards and biases."""
    if variable == "softmax/b":
        return f"ckpt-softmax{SHARDS}"
    if variable.startswith("softmax/W_"):
        return "ckpt-softmax" + variable.removeprefix("softmax/W_")
    return {"char_embedding": "ckpt-char-embedding", "lstm": "ckpt-lstm"}.get(variable.split("/")[0], "ckpt-base")


def shards(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as the release's variables: matrices cut into eight, the softmax's rows dealt out in turn."""
    variables = {}
    for name, value in weights.items():
        names = shard_names(name)
        if name == "softmax/W":
            parts = [value[shard::SHARDS] for shard in range(SHARDS)]
        else:
            parts = np.split(value, len(names))
        variables.update(zip(names, parts, strict=True))
    return variables


def joined(name: str, parts: list[np.ndarray]) -> np.ndarray:
    """A weight from its variables: what `shards` takes apart. Equal rows of all softmax shards give a part of it."""
    if name == "softmax/W":
        return np.stack(parts, 1).reshape(-1, parts[0].shape[1])
    return np.concatenate(parts)


def write_checkpoint(folder: Path, weights: dict[str, np.ndarray], step: int) -> list[Path]:
    """Write the twelve files; `weights` are float32 by their names without shards."""
    variables: dict[str, np.ndarray] = {"global_step": np.array(step, np.int64), **shards(weights)}
    files: dict[str, dict[str, np.ndarray]] = {}
    for name, value in variables.items():
        files.setdefault(file_of(name), {})[name] = value
    return [write_shard(folder / file, tensors) for file, tensors in sorted(files.items())]


def write_shard(path: Path, variables: dict[str, np.ndarray]) -> Path:
    """Write one of the twelve files, with whole variables."""
    tf.raw_ops.SaveSlices(
        filename=str(path),
        tensor_names=list(variables),
        shapes_and_slices=[""] * len(variables),
        data=[tf.constant(value) for value in variables.values()],
    )
    return path


def write_model(
    folder: Path, manifest: Manifest, vocabulary: Vocabulary, weights: dict[str, np.ndarray], step: int
) -> Manifest:
    """Write a whole model folder, `model.toml` last; what was there under these names is replaced.

    Everything is written beside its place first and then renamed. Returns the manifest with checksums.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        made = Path(partial)
        graph, words = made / f"graph-{manifest.name}.pbtxt", made / f"vocab-{manifest.name}.txt"
        graph.write_text(text_format.MessageToString(build_graph(manifest.shape)))
        vocabulary.save(words)
        files = [graph, words, *write_checkpoint(made, weights, step)]
        manifest = replace(
            manifest, files={file.name: File(sha256=sha256(file), size=file.stat().st_size) for file in files}
        )
        manifest.save(made / "model.toml")
        for file in [*files, made / "model.toml"]:
            file.replace(folder / file.name)
    return manifest
