"""Muon (Jordan 2024) for the matrices of LSTM, highways and projection, Adam for the rest, as `lmgen.training.optimizers`.

Learning rates are tensors, so that a CUDA graph can hold a whole step.
"""

import math

import torch

MATRICES = ("ih", "hh", "hr", "gate", "tr", "proj")


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """A batch of matrices [some, outputs, inputs] made orthogonal by Newton-Schulz, in bfloat16."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.transpose(1, 2) if tall else matrices).bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return (x.transpose(1, 2) if tall else x).float() * math.sqrt(max(1, matrices.shape[1] / matrices.shape[2]))


class MuonAndAdam:
    """Moves float32 parameters in place."""

    def __init__(self, parameters: dict[str, torch.Tensor], rate: float, muon_rate: float, decay: float) -> None:
        device = next(iter(parameters.values())).device
        self.parameters, self._muon_rate, self._decay, self._adam_rate = parameters, muon_rate, decay, rate
        self.factor, self._rate = torch.zeros((), device=device), torch.zeros((), device=device)
        self._matrices = [name for name in parameters if name.rstrip("0123456789") in MATRICES]
        self._rest = [name for name in parameters if name not in self._matrices]
        self._momenta = [torch.zeros_like(parameters[name]) for name in self._matrices]
        self._adam = torch.optim.Adam(
            [parameters[name] for name in self._rest],
            lr=self._rate,
            betas=(0.9, 0.99),
            eps=1e-10,
            fused=True,
            capturable=device.type == "cuda",
        )

    def step(self, gradients: dict[str, torch.Tensor]) -> None:
        """One step, with the learning rates multiplied by `factor`."""
        for name in self._rest:
            self.parameters[name].grad = gradients[name]
        self._rate.copy_(self.factor * self._adam_rate)
        self._adam.step()
        given = [gradients[name] for name in self._matrices]
        torch._foreach_lerp_(self._momenta, given, 0.05)
        ahead = torch._foreach_add(torch._foreach_mul(self._momenta, 0.95), torch._foreach_mul(given, 0.05))
        directions = self._directions(dict(zip(self._matrices, ahead, strict=True)))
        values, rate = [self.parameters[name] for name in self._matrices], self.factor * self._muon_rate
        torch._foreach_mul_(values, 1 - rate * self._decay)
        torch._foreach_add_(
            values, torch._foreach_mul([directions[name].contiguous() for name in self._matrices], -rate)
        )

    def _directions(self, ahead: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Momenta made orthogonal: matrices of one shape together, each gate of an LSTM by itself."""
        layers = [name[2:] for name in ahead if name.startswith("ih")]
        size = ahead["ih0"].shape[1]
        whole = [torch.cat([ahead[f"ih{layer}"], ahead[f"hh{layer}"]], 1) for layer in layers]
        gates = orthogonal(torch.cat([one.view(4, -1, 2 * size) for one in whole])).view(len(layers), -1, 2 * size)
        found = {
            f"{part}{layer}": gates[place, :, cut]
            for place, layer in enumerate(layers)
            for part, cut in (("ih", slice(size)), ("hh", slice(size, None)))
        }
        for names in (
            [f"hr{layer}" for layer in layers],
            [name for name in ahead if name[:2] in ("ga", "tr")],
            ["proj"],
        ):
            found.update(zip(names, orthogonal(torch.stack([ahead[name] for name in names])), strict=True))
        return found
