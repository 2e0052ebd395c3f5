"""A plain NumPy forward pass of the family, written from the facts of the release, sharing no code with lmgen.

It reads the shards as variables (`softmax/W_3`, …) and computes in float64.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def whole(variables, name):
    """A matrix from its eight shards, one below the other."""
    return np.concatenate([variables[f"{name}_{shard}"] for shard in range(8)]).astype(np.float64)


def word_vectors(variables, characters):
    """[words, 50] character ids to [words, projection]."""
    letters = variables["char_embedding/W"].astype(np.float64)[characters]
    features = []
    for index in range(8):
        kernel = variables[f"char_embedding/cnn_{index}/kernel"][:, :, 0].astype(np.float64)
        width = len(kernel)
        maps = sum(letters[:, at : 50 - width + 1 + at] @ kernel[at] for at in range(width))
        maps = np.maximum(maps + variables[f"char_embedding/cnn_{index}/b"][0, 0, 0], 0)
        features.append(maps.max(1))
    x = np.concatenate(features, 1)
    for layer in ("dense_0", "dense_1"):
        scope = f"char_embedding/{layer}"
        gate = sigmoid(x @ whole(variables, f"{scope}/gate/W") + variables[f"{scope}/gate/b"] - 2.0)
        new = np.maximum(x @ whole(variables, f"{scope}/tr/W") + variables[f"{scope}/tr/b"], 0)
        x = gate * new + (1 - gate) * x
    return x @ whole(variables, "char_embedding/proj/W") + variables["char_embedding/proj/b"]


def lstm_step(variables, layer, x, state):
    scope = f"lstm/lstm_{layer}"
    peephole = {gate: variables[f"{scope}/W_{gate}_diag"].astype(np.float64) for gate in "FIO"}
    cells = len(peephole["F"])
    c, h = state[:, :cells].astype(np.float64), state[:, cells:].astype(np.float64)
    z = np.concatenate([x, h], 1) @ whole(variables, f"{scope}/W") + variables[f"{scope}/B"]
    i, j, f, o = np.split(z, 4, 1)
    c = sigmoid(f + 1 + peephole["F"] * c) * c + sigmoid(i + peephole["I"] * c) * np.tanh(j)
    h = (sigmoid(o + peephole["O"] * c) * np.tanh(c)) @ whole(variables, f"{scope}/W_P")
    return np.concatenate([c, h], 1)


def advance(variables, states, characters):
    """One word of each row: the new states of both layers."""
    x, new = word_vectors(variables, characters), []
    for layer, state in enumerate(states):
        new.append(lstm_step(variables, layer, x, state))
        x = new[-1][:, len(variables[f"lstm/lstm_{layer}/B"]) // 4 :]
    return new


def logits(variables, states):
    cells = len(variables[f"lstm/lstm_{len(states) - 1}/B"]) // 4
    rows = np.empty((8 * len(variables["softmax/W_0"]), variables["softmax/W_0"].shape[1]))
    for shard in range(8):
        rows[shard::8] = variables[f"softmax/W_{shard}"]
    return states[-1][:, cells:] @ rows.T + variables["softmax/b"]
