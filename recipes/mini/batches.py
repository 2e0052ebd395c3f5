"""Batches of whole sentences of one length, made on the CPU while the GPU computes."""

from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

SHORT, WINDOW = 12, 7
"""Most words have at most SHORT characters with their marks; windows of pure padding beyond one more are all alike."""
UNKNOWN = 2


class Batch(NamedTuple):
    """What a step reads and predicts; int32 tensors."""

    words: torch.Tensor
    """Ids of its distinct words, the short ones first [words]."""
    short: int
    """How many of them are short."""
    index: torch.Tensor
    """Where each word that is read stands among them [steps, rows]."""
    targets: torch.Tensor
    """Ids of the words to predict [steps, rows]."""


class Batches(Dataset):
    """Epochs of batches of some `tokens` predictions, shuffled; every batch has sentences of one length.

    Args:
      text: sentences by their length, int32 [sentences, length] each.
      vocabulary: how many ids can be predicted; the others are `<UNK>` as targets.
      short: which words are short, bool [types].
    """

    def __init__(
        self, text: dict[int, np.ndarray], tokens: int, vocabulary: int, short: np.ndarray, epochs: int, seed: int
    ):
        self._text, self._vocabulary, self._short = text, vocabulary, short
        self._plan = [
            item for epoch in range(epochs) for item in _plan(text, tokens, np.random.default_rng([seed, epoch]))
        ]

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, place: int) -> Batch:
        length, rows = self._plan[place]
        return make_batch(self._text[length][rows], self._vocabulary, self._short)


def _plan(text: dict[int, np.ndarray], tokens: int, rng: np.random.Generator) -> list[tuple[int, np.ndarray]]:
    """The batches of an epoch: lengths and which sentences of it; rests much smaller than the others are left out."""
    plan = []
    for length, sentences in text.items():
        order = rng.permutation(len(sentences)).astype(np.int32)
        rows = max(8, tokens // (length + 1) // 8 * 8)
        plan += [(length, order[at : at + rows]) for at in range(0, len(order), rows)]
    plan = [(length, rows) for length, rows in plan if len(rows) * (length + 1) > tokens // 3]
    rng.shuffle(plan)
    return plan


def make_batch(sentences: np.ndarray, vocabulary: int, short: np.ndarray) -> Batch:
    """The batch of some sentences of one length, int32 [rows, length]. Buckets are filled up, so that sizes repeat."""
    end = np.zeros((1, len(sentences)), np.int32)  # as an input `<S>`, as a target `</S>`
    inputs, targets = np.concatenate([end, sentences.T]), np.concatenate([sentences.T, end])
    distinct, places = np.unique(inputs, return_inverse=True)
    position, words = np.empty(len(distinct), np.int32), []
    for chosen, multiple in ((short[distinct], 256), (~short[distinct], 64)):
        position[chosen] = sum(map(len, words)) + np.arange(np.count_nonzero(chosen))
        words.append(np.pad(distinct[chosen], (0, -np.count_nonzero(chosen) % multiple)))
    return Batch(
        torch.from_numpy(np.concatenate(words)),
        len(words[0]),
        torch.from_numpy(position[places.reshape(inputs.shape)]),
        torch.from_numpy(np.where(targets < vocabulary, targets, UNKNOWN).astype(np.int32)),
    )
