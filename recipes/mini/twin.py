"""The family's network in PyTorch, for a GPU.

The same function as lmgen's network with the peepholes fixed at zero: whole sentences are rows, all rows of a batch
have one length, and the LSTM state is empty at each start. cuDNN computes the LSTMs. The loss is a sum, not a mean,
which keeps float16 gradients in range.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 7)
FILTERS = (16, 16, 32, 64, 96, 128, 80, 80)
FORGET_BIAS, CARRY_BIAS = 1.0, -2.0


Arrays = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Sizes:
    """The sizes of `mini`."""

    words: int = 30000
    rows: int = 30008
    projection: int = 256
    cells: int = 1024
    layers: int = 2


def to_torch_gates(matrix: np.ndarray) -> np.ndarray:
    """Gates i, j, f, o along the last axis, as in the release, to i, f, j, o along the first, as in PyTorch."""
    i, j, f, o = np.split(matrix, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([i, f, j, o], -1).T)


def to_release_gates(matrix: np.ndarray) -> np.ndarray:
    """The way back."""
    i, f, g, o = np.split(matrix, 4, axis=0)
    return np.ascontiguousarray(np.concatenate([i, g, f, o], 0).T)


def from_release(weights: Arrays, sizes: Sizes) -> Arrays:
    """Weights by the names of the release to parameters of the twin."""
    out = {"letters": weights["char_embedding/W"]}
    kernels, biases = [], []
    for index, width in enumerate(WIDTHS):
        kernel = weights[f"char_embedding/cnn_{index}/kernel"]
        kernels.append(np.pad(kernel, [[0, 7 - width], [0, 0], [0, 0], [0, 0]]).reshape(7 * 16, -1))
        biases.append(weights[f"char_embedding/cnn_{index}/b"].reshape(-1))
    out["kernel"], out["kernel_b"] = np.concatenate(kernels, 1), np.concatenate(biases)
    for index in range(2):
        for part in ("gate", "tr"):
            out[f"{part}{index}"] = weights[f"char_embedding/dense_{index}/{part}/W"]
            out[f"{part}{index}_b"] = weights[f"char_embedding/dense_{index}/{part}/b"].reshape(-1)
    out["proj"], out["proj_b"] = weights["char_embedding/proj/W"], weights["char_embedding/proj/b"].reshape(-1)
    for layer in range(sizes.layers):
        scope = f"lstm/lstm_{layer}"
        matrix = to_torch_gates(weights[f"{scope}/W"])
        out[f"ih{layer}"], out[f"hh{layer}"] = (
            matrix[:, : sizes.projection].copy(),
            matrix[:, sizes.projection :].copy(),
        )
        bias = to_torch_gates(weights[f"{scope}/B"][None]).reshape(-1).copy()
        bias[sizes.cells : 2 * sizes.cells] += FORGET_BIAS
        out[f"b{layer}"] = bias
        out[f"hr{layer}"] = np.ascontiguousarray(weights[f"{scope}/W_P"].T)
    out["softmax"], out["softmax_b"] = weights["softmax/W"], weights["softmax/b"]
    return {name: np.asarray(value, np.float32) for name, value in out.items()}


def to_release(params: Arrays, sizes: Sizes) -> Arrays:
    """Parameters of the twin to weights by the names of the release; the peepholes are zero."""
    out = {"char_embedding/W": params["letters"]}
    kernels = np.split(params["kernel"], np.cumsum(FILTERS)[:-1], 1)
    biases = np.split(params["kernel_b"], np.cumsum(FILTERS)[:-1])
    for index, (width, kernel, bias) in enumerate(zip(WIDTHS, kernels, biases, strict=True)):
        out[f"char_embedding/cnn_{index}/kernel"] = kernel.reshape(7, 16, 1, -1)[:width]
        out[f"char_embedding/cnn_{index}/b"] = bias.reshape(1, 1, 1, -1)
    for index in range(2):
        for part in ("gate", "tr"):
            out[f"char_embedding/dense_{index}/{part}/W"] = params[f"{part}{index}"]
            out[f"char_embedding/dense_{index}/{part}/b"] = params[f"{part}{index}_b"].reshape(1, -1)
    out["char_embedding/proj/W"], out["char_embedding/proj/b"] = params["proj"], params["proj_b"].reshape(1, -1)
    for layer in range(sizes.layers):
        scope = f"lstm/lstm_{layer}"
        out[f"{scope}/W"] = to_release_gates(np.concatenate([params[f"ih{layer}"], params[f"hh{layer}"]], 1))
        bias = params[f"b{layer}"].copy()
        bias[sizes.cells : 2 * sizes.cells] -= FORGET_BIAS
        out[f"{scope}/B"] = to_release_gates(bias[:, None]).reshape(-1)
        for gate in "FIO":
            out[f"{scope}/W_{gate}_diag"] = np.zeros(sizes.cells, np.float32)
        out[f"{scope}/W_P"] = np.ascontiguousarray(params[f"hr{layer}"].T)
    out["softmax/W"], out["softmax/b"] = params["softmax"], params["softmax_b"]
    return {name: np.ascontiguousarray(value, np.float32) for name, value in out.items()}


def initial(sizes: Sizes, counts: np.ndarray, seed: int) -> Arrays:
    """Parameters to start from, distributed as in `lmgen.training`."""
    rng = np.random.default_rng(seed)
    width, size, cells = sum(FILTERS), sizes.projection, sizes.cells
    w = {"char_embedding/W": rng.uniform(-1, 1, (256, 16))}
    for index, (window, filters) in enumerate(zip(WIDTHS, FILTERS, strict=True)):
        w[f"char_embedding/cnn_{index}/kernel"] = rng.uniform(-0.05, 0.05, (window, 16, 1, filters))
        w[f"char_embedding/cnn_{index}/b"] = np.zeros(filters)
    for index in range(2):
        for part in ("gate", "tr"):
            w[f"char_embedding/dense_{index}/{part}/W"] = rng.normal(0, width**-0.5, (width, width))
            w[f"char_embedding/dense_{index}/{part}/b"] = np.zeros(width)
    w["char_embedding/proj/W"] = rng.normal(0, width**-0.5, (width, size))
    w["char_embedding/proj/b"] = np.zeros(size)
    for layer in range(sizes.layers):
        scale = 1 / math.sqrt(2 * (cells + size))
        w[f"lstm/lstm_{layer}/W"] = rng.uniform(-scale, scale, (2 * size, 4 * cells))
        w[f"lstm/lstm_{layer}/B"] = np.zeros(4 * cells)
        w[f"lstm/lstm_{layer}/W_P"] = rng.uniform(-scale, scale, (cells, size))
    w["softmax/W"] = rng.normal(0, size**-0.5, (sizes.rows, size))
    w["softmax/b"] = np.full(sizes.rows, -30.0)
    w["softmax/b"][: len(counts)] = np.log((counts + 1) / (counts + 1).sum())
    return from_release({name: np.asarray(value, np.float32) for name, value in w.items()}, sizes)


_masks: dict = {}


def kernel_mask(like: torch.Tensor) -> torch.Tensor:
    """1 where a filter sees: narrow filters are zero beyond their width."""
    key = like.device, like.dtype
    if key not in _masks:
        parts = [
            np.repeat((np.arange(7 * 16) < width * 16)[:, None], filters, 1)
            for width, filters in zip(WIDTHS, FILTERS, strict=True)
        ]
        _masks[key] = torch.from_numpy(np.concatenate(parts, 1)).to(like)
    return _masks[key]


def word_vectors(p: Tensors, buckets: list[torch.Tensor]) -> torch.Tensor:
    """Vectors [words, projection] of buckets of character ids [words, length]."""
    x = torch.cat([_features(p, bucket) for bucket in buckets if len(bucket)], 0)
    for index in range(2):
        gate = torch.sigmoid(x @ p[f"gate{index}"] + p[f"gate{index}_b"] + CARRY_BIAS)
        x = gate * torch.relu(x @ p[f"tr{index}"] + p[f"tr{index}_b"]) + (1 - gate) * x
    return x @ p["proj"] + p["proj_b"]


def _features(p: Tensors, characters: torch.Tensor) -> torch.Tensor:
    letters = F.embedding(characters, p["letters"])  # [words, length, 16]
    count, length = characters.shape[0], characters.shape[1] - 6
    windows = letters.unfold(1, 7, 1).transpose(2, 3).reshape(count * length, 112)
    maps = (windows @ (p["kernel"] * kernel_mask(p["kernel"]))).view(count, length, -1)
    return torch.relu(maps.amax(1) + p["kernel_b"])


def lstm(p: Tensors, x: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """Outputs of the top layer from an empty state: [steps, rows, projection]."""
    rows = x.shape[1]
    weights = []
    for layer in range(sizes.layers):
        bias = p[f"b{layer}"]
        weights += [p[f"ih{layer}"], p[f"hh{layer}"], bias, torch.zeros_like(bias), p[f"hr{layer}"]]
    h = x.new_zeros(sizes.layers, rows, sizes.projection)
    c = x.new_zeros(sizes.layers, rows, sizes.cells)
    return torch._VF.lstm(x, (h, c), weights, True, sizes.layers, 0.0, True, False, False)[0]


class SumLoss(torch.autograd.Function):
    """The sum of -ln p of the targets, from logits to which the bias is yet to be added.

    On a GPU the gradient takes the logits' place: they are the largest tensor by far.
    """

    @staticmethod
    def forward(ctx, logits, bias, targets):
        if logits.is_cuda:
            from loss import forward_loss

            loss, log_z = forward_loss(logits, bias, targets)
        else:
            scores = logits.float() + bias
            log_z = torch.logsumexp(scores, 1)
            loss = log_z - scores.gather(1, targets[:, None])[:, 0]
        ctx.save_for_backward(logits, bias, targets, log_z)
        return loss.sum()

    @staticmethod
    def backward(ctx, scale):
        logits, bias, targets, log_z = ctx.saved_tensors
        if logits.is_cuda:
            from loss import backward_loss

            d_bias = backward_loss(logits, bias, targets, log_z)
            return logits, d_bias, None
        d = torch.exp(logits.float() + bias - log_z[:, None])
        d[torch.arange(len(d)), targets] -= 1
        return d.to(logits.dtype), d.sum(0), None


def total_loss(
    p: Tensors, sizes: Sizes, buckets: list[torch.Tensor], index: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Summed surprisal in nats.

    Args:
      buckets: character ids of the batch's distinct words, int [words, length] each.
      index: where each word that is read stands among them, int [steps, rows].
      targets: ids of the words to predict, int [steps, rows].
    """
    vectors = word_vectors(p, buckets)
    x = F.embedding(index, vectors)
    h = lstm(p, x, sizes).reshape(-1, sizes.projection)
    logits = h @ p["softmax"].T
    return SumLoss.apply(logits, p["softmax_b"], targets.reshape(-1))
