"""Train the twin for so many seconds: Muon and Adam, learning rates that fall to zero linearly.

Products are float16, parameters float32. Everything after the gradients is one CUDA graph: launched piece by piece
it would take longer than all the rest.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import twin
from batches import SHORT, WINDOW, Batch, Batches, make_batch
from muon import MuonAndAdam
from torch.utils.data import DataLoader


@dataclass(frozen=True)
class Data:
    """What `prepare.py` wrote."""

    text: dict[int, np.ndarray]
    valid: dict[int, np.ndarray]
    counts: np.ndarray
    """How often each word of the vocabulary is a target."""
    characters: torch.Tensor
    """Of every type, uint8 [types, 50]."""
    short: np.ndarray
    """Which types are short, bool [types]."""

    @classmethod
    def load(cls, folder: Path, device: str) -> "Data":
        with np.load(folder / "text.npz") as stored:
            texts: dict[str, dict[int, np.ndarray]] = {"text": {}, "valid": {}}
            for name in stored.files:
                kind, _, length = name.partition(":")
                if length:
                    texts[kind][int(length)] = stored[name]
            characters, counts = stored["characters"], stored["counts"]
        short = (characters[:, SHORT:] == characters[0, -1]).all(1)  # `<S>` ends in padding
        return cls(**texts, counts=counts, characters=torch.from_numpy(characters).to(device), short=short)


class Trainer:
    """Parameters in float32 and float16, and the steps that change them."""

    def __init__(self, data: Data, sizes: twin.Sizes, options: argparse.Namespace) -> None:
        self.sizes, self._characters, self._clip = sizes, data.characters, options.clip
        start = twin.initial(sizes, data.counts, options.seed)
        device = data.characters.device
        self._dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.parameters = {name: torch.from_numpy(value).to(device) for name, value in start.items()}
        self._working = {name: value.requires_grad_() for name, value in self._lowered(self.parameters).items()}
        self._gradients = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self._optimizer = MuonAndAdam(self.parameters, options.rate, options.muon_rate, options.muon_decay)
        self._share = torch.zeros((), device=device)
        self._replay = self._captured() if device.type == "cuda" else self._update

    def _lowered(self, parameters: twin.Tensors) -> twin.Tensors:
        """Copies for the products; the softmax's bias is added in float32."""
        return {
            name: value.detach().clone().to(torch.float32 if name == "softmax_b" else self._dtype)
            for name, value in parameters.items()
        }

    def _captured(self):
        """The update as a CUDA graph; before it is captured it runs a few times, with rates of zero."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._update()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._update()
        return graph.replay

    def loss(self, parameters: twin.Tensors, batch: Batch) -> torch.Tensor:
        """Summed surprisal of a batch, in nats."""
        device = self._characters.device
        words, index, targets = (
            part.to(device, non_blocking=True) for part in (batch.words, batch.index, batch.targets)
        )
        characters = self._characters[words.long()].int()
        buckets = [characters[: batch.short, : SHORT + WINDOW], characters[batch.short :]]
        return twin.total_loss(parameters, self.sizes, buckets, index, targets)

    def step(self, batch: Batch, factor: float) -> torch.Tensor:
        """One step, with the learning rates multiplied by `factor`; the mean loss in nats."""
        loss = self.loss(self._working, batch)
        loss.backward()
        for name, value in self._working.items():
            self._gradients[name].copy_(value.grad)
            value.grad = None
        self._share.fill_(1 / batch.targets.numel())
        self._optimizer.factor.fill_(factor)
        self._replay()
        return loss.detach() / batch.targets.numel()

    @torch.no_grad()
    def _update(self) -> None:
        """From summed gradients to new parameters. A gradient that is no number moves nothing."""
        gradients = list(self._gradients.values())
        torch._foreach_mul_(gradients, self._share)
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        scale = torch.where(torch.isfinite(norm), (self._clip / (norm + 1e-12)).clamp(max=1.0), torch.zeros_like(norm))
        for gradient in gradients:
            torch.nan_to_num_(gradient, 0, 0, 0)
        torch._foreach_mul_(gradients, scale)
        self._optimizer.step(self._gradients)
        torch._foreach_copy_([value.data for value in self._working.values()], list(self.parameters.values()))

    @torch.no_grad()
    def perplexity(self, batches: list[Batch]) -> float:
        """Over the full softmax, the state empty at each sentence's start."""
        working = self._lowered(self.parameters)
        total = sum(self.loss(working, batch).item() for batch in batches)
        return math.exp(total / sum(batch.targets.numel() for batch in batches))

    def save(self, path: Path) -> None:
        """The weights by the names of the release, as the upper halves of float32: bfloat16."""
        weights = twin.to_release({name: value.cpu().numpy() for name, value in self.parameters.items()}, self.sizes)
        weights["softmax/b"][self.sizes.words :] = -100  # rows without a word never take part
        rounded = {
            name: torch.from_numpy(value).bfloat16().view(torch.int16).numpy() for name, value in weights.items()
        }
        np.savez(path, **{name: value.view(np.uint16) for name, value in rounded.items()})


def run(data: Data, sizes: twin.Sizes, options: argparse.Namespace) -> tuple[Trainer, dict]:
    """Train, and say how it went."""
    trainer = Trainer(data, sizes, options)
    plan = Batches(data.text, options.tokens, sizes.words, data.short, options.epochs, options.seed)
    loader = DataLoader(plan, batch_size=None, num_workers=options.workers, pin_memory=options.workers > 0)
    began, step, tokens = time.monotonic(), 0, 0
    for step, batch in enumerate(loader):
        spent = (time.monotonic() - began) / options.seconds
        if spent >= 1:
            break
        loss = trainer.step(Batch(*batch), min(1.0, (step + 1) / options.warmup) * (1 - spent))
        tokens += batch[3].numel()
        if (step + 1) % options.every == 0:  # asking for the loss waits for the GPU
            print(f"step {step + 1}, {tokens:,} words, {spent:.0%}, loss {loss.item():.4f}", flush=True)
    valid = [make_batch(sentences, sizes.words, data.short) for sentences in data.valid.values()]
    perplexity, targets = trainer.perplexity(valid), sum(batch.targets.numel() for batch in valid)
    recipe = {
        name: getattr(options, name) for name in ("rate", "muon_rate", "muon_decay", "warmup", "tokens", "clip", "seed")
    }
    return trainer, {
        "steps": step,
        "tokens": tokens,
        "hours": round((time.monotonic() - began) / 3600, 3),
        "validation_perplexity": round(perplexity, 2),
        "validation_targets": targets,
        "recipe": recipe,
    }


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options; their defaults are those `mini` was trained with."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--seconds", type=float, default=500)
    options.add_argument("--rate", type=float, default=0.008)
    options.add_argument("--muon-rate", type=float, default=0.03)
    options.add_argument("--muon-decay", type=float, default=0.02)
    options.add_argument("--warmup", type=int, default=300)
    options.add_argument("--clip", type=float, default=1.0)
    options.add_argument("--tokens", type=int, default=32768)
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--workers", type=int, default=12)
    options.add_argument("--every", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--device", default="cuda")
    return options.parse_args(arguments)


def main() -> None:
    options = parsed()
    trainer, facts = run(Data.load(options.data, options.device), twin.Sizes(), options)
    options.out.mkdir(parents=True, exist_ok=True)
    trainer.save(options.out / "weights.npz")
    (options.out / "facts.json").write_text(json.dumps(facts, indent=1))
    print(facts)


if __name__ == "__main__":
    main()
