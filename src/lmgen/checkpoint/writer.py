"""Write a model in the release's layout: twelve checkpoint files beside graph, vocabulary and manifest.

The checkpoint is in TensorFlow's V1 format, where every variable lies whole in one file.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from lmgen.checkpoint.digests import sha256
from lmgen.checkpoint.graph import build_graph
from lmgen.checkpoint.manifest import File, Manifest
from lmgen.checkpoint.names import file_of, shards
from lmgen.text import Vocabulary


def write_checkpoint(folder: Path, weights: dict[str, np.ndarray], step: int) -> list[Path]:
    """Write the twelve files of a checkpoint; returns their paths.

    Args:
      weights: float32, by their names without shards, in the shapes of `weight_shapes`.
      step: how many steps of training they have seen.
    """
    variables: dict[str, np.ndarray] = {"global_step": np.array(step, np.int64), **shards(weights)}
    files: dict[str, dict[str, np.ndarray]] = {}
    for name, value in variables.items():
        files.setdefault(file_of(name), {})[name] = value
    return [write_shard(folder / file, tensors) for file, tensors in sorted(files.items())]


def write_shard(path: Path, variables: dict[str, np.ndarray]) -> Path:
    """Write one of the twelve files; returns its path.

    Args:
      variables: whole ones by their names, in the shapes and types that they are stored in.
    """
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

    Args:
      weights: as for `write_checkpoint`, and `step` too.
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
