"""The names of a release: of weights, of the variables and files that hold them, of tensors in the graph."""

import re
from pathlib import Path

import numpy as np

from lmgen.checkpoint.shape import SHARDS, Shape, weight_shapes


def memory_name(layer: int) -> str:
    """The variable with a layer's memory: `Variable`, `Variable_1`, …"""
    return f"Variable_{layer}" if layer else "Variable"


def variable_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The variables that weights are kept in, with their shapes."""
    sizes = {}
    for name, size in weight_shapes(shape).items():
        names = shard_names(name)
        sizes.update(dict.fromkeys(names, (size[0] // len(names), *size[1:]) if len(names) > 1 else size))
    return sizes


def shard_names(weight: str) -> list[str]:
    """The variables of one weight: eight for a matrix `…/W` or `…/W_P`, itself for anything else."""
    if weight != "char_embedding/W" and weight.endswith(("/W", "/W_P")):
        return [f"{weight}_{shard}" for shard in range(SHARDS)]
    return [weight]


def joined_name(weight: str) -> str:
    """The tensor that is a whole weight inside the graph: where its shards are joined, or its variable is read."""
    scope, _, part = weight.rpartition("/")
    if shard_names(weight) == [weight]:
        return f"{weight}/read:0"
    if scope == "softmax":
        return "Reshape_3:0"
    return f"{scope}/concat_1:0" if part == "W_P" else f"{scope}/concat:0"


def file_of(variable: str) -> str:
    """Which of the twelve files holds a variable: one each for the step, CNN, LSTM, softmax shards and biases."""
    if variable == "softmax/b":
        return f"ckpt-softmax{SHARDS}"
    if variable.startswith("softmax/W_"):
        return "ckpt-softmax" + variable.removeprefix("softmax/W_")
    return {"char_embedding": "ckpt-char-embedding", "lstm": "ckpt-lstm"}.get(variable.split("/")[0], "ckpt-base")


def shards(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights, by their names without shards, as the variables of a checkpoint, by theirs.

    A matrix [rows, columns] is cut into eight of [rows / 8, columns]; row w of the softmax goes to shard w % 8.
    """
    variables: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        names = shard_names(name)
        if name == "softmax/W":
            parts = [value[shard::SHARDS] for shard in range(SHARDS)]
        else:
            parts = np.split(value, len(names))
        variables.update(zip(names, parts, strict=True))
    return variables


def joined(name: str, parts: list[np.ndarray]) -> np.ndarray:
    """Put a weight together from its variables, in order, as float32 [rows, …]: the inverse of `shards`.

    Some rows of the softmax's shards, the same of each, give some rows of the softmax: eight times as many.
    """
    if name == "softmax/W":
        return np.stack(parts, 1).reshape(-1, parts[0].shape[1])
    return np.concatenate(parts)


def file_pattern(path: Path) -> str:
    """A path where TensorFlow takes a pattern."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", str(path))
