"""Logits to a choice: the samplers that options ask for, in order, and a draw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lmgen.errors import UsageError
from lmgen.generation import samplers
from lmgen.generation.samplers import Mirostat, Sampler
from lmgen.model import Reach

ORDER = (
    *("repetition", "presence", "ngram", "temperature", "top-k", "top-p", "min-p", "typical", "top-n-sigma"),
    "mirostat",
)
"""The order in which samplers work, after the constraints; `Sampling.order` changes it."""


MOST_LIKELY_STAYS = {"top-k", "top-p", "min-p", "top-n-sigma"}
"""Samplers that never rule out the most likely word."""


@dataclass(frozen=True)
class Sampling:
    """How the next word is chosen. Every default leaves the model's distribution as it is."""

    temperature: float = 1.0
    """Logits are divided by it; 0 always takes the most likely word. 0, or 1e-6 <= temperature <= 1e6."""
    top_k: int = 0
    """Only the k most likely words; 0 for all. 0 <= top_k."""
    top_p: float = 1.0
    """Only the most likely words that together reach this probability. 0 < top_p <= 1."""
    min_p: float = 0.0
    """Only words at least so many times as likely as the most likely. 0 <= min_p < 1."""
    typical: float = 1.0
    """Only the words nearest the entropy that together reach this probability. 0 < typical <= 1."""
    top_n_sigma: float = 0.0
    """Only logits within so many standard deviations of the highest; 0 for all. 0 <= top_n_sigma."""
    mirostat: int = 0
    """2 holds the surprisal near mirostat_tau; 0 does not."""
    mirostat_tau: float = 5.0
    """Surprisal to hold, in bits. 0 < mirostat_tau."""
    mirostat_eta: float = 0.1
    """How fast it is corrected. 0 < mirostat_eta."""
    repetition_penalty: float = 1.0
    """Logits of recent words are divided by it (multiplied where negative). 1e-6 <= repetition_penalty <= 1e6."""
    presence_penalty: float = 0.0
    """Is subtracted from logits of recent words."""
    frequency_penalty: float = 0.0
    """Is subtracted from logits of recent words for every time they came."""
    repeat_last_n: int = 64
    """How many last words are recent; 0 for all. 0 <= repeat_last_n."""
    no_repeat_ngram: int = 0
    """No sequence of so many words comes twice; 0 for any. 0 <= no_repeat_ngram."""
    order: tuple[str, ...] = ORDER
    """Which samplers work, and in which order."""

    def __post_init__(self) -> None:
        for name, (fine, range_) in RANGES.items():
            value = getattr(self, name)
            if not fine(value):
                raise UsageError(f"{name.replace('_', '-')} must be {range_}, not {value}")
        for name in self.order:
            if name not in ORDER:
                raise UsageError(f"there is no sampler {name!r}: choose from {','.join(ORDER)}")


_SHARE = (lambda value: 0 < value <= 1, "above 0 and at most 1")
_LARGEST = 1e6
"""Of any option: what float32 logits can be multiplied or divided by, and stay numbers."""
_SCALE = (lambda value: 1 / _LARGEST <= value <= _LARGEST, f"from {1 / _LARGEST:g} to {_LARGEST:g}")
_SHIFT = (lambda value: -_LARGEST <= value <= _LARGEST, f"from {-_LARGEST:g} to {_LARGEST:g}")
_NOT_NEGATIVE = (lambda value: 0 <= value < np.inf, "0 or more")
_POSITIVE = (lambda value: 0 < value < np.inf, "above 0")
RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "temperature": (lambda value: value == 0 or _SCALE[0](value), f"0, or {_SCALE[1]}"),
    "top_k": _NOT_NEGATIVE,
    "top_p": _SHARE,
    "min_p": (lambda value: 0 <= value < 1, "0 or more and below 1"),
    "typical": _SHARE,
    "top_n_sigma": _NOT_NEGATIVE,
    "mirostat": (lambda value: value in (0, 2), "0 or 2"),
    "mirostat_tau": _POSITIVE,
    "mirostat_eta": _POSITIVE,
    "repetition_penalty": _SCALE,
    "presence_penalty": _SHIFT,
    "frequency_penalty": _SHIFT,
    "repeat_last_n": _NOT_NEGATIVE,
    "no_repeat_ngram": _NOT_NEGATIVE,
}


DRAWN_BY_BOUNDS = ((), ("temperature",), ("top-p",), ("temperature", "top-p"))
"""Samplers at work, in order, where a draw needs few logits: see `draw.choose_below`, `draw.Nucleus`."""


def chain(options: Sampling, end: int | None = None) -> list[Sampler]:
    """The samplers that change anything, in order. Each sample needs a chain of its own.

    Args:
      end: the id of `</S>`.
    """
    return list(_active(options, end).values())


def reach(options: Sampling) -> Reach | None:
    """Which logits a choice can depend on; None for all of them."""
    names = list(_active(options))
    temperature = options.temperature if names[:1] == ["temperature"] else 1.0
    first = next((name for name in names if name != "temperature"), "")
    if options.temperature == 0 and MOST_LIKELY_STAYS.issuperset(names):
        return Reach()
    if first == "top-k":
        return Reach(count=options.top_k)
    if first == "min-p":
        return Reach(nats=-np.log(options.min_p) * temperature * (1 + 1e-6))  # the sampler's own rounding
    return None


def draws_by_bounds(options: Sampling) -> bool:
    """Whether a choice is a draw from all words or those of top-p, at some temperature: bounds of logits suffice for it."""
    return options.temperature > 0 and tuple(_active(options)) in DRAWN_BY_BOUNDS


def _active(options: Sampling, end: int | None = None) -> dict[str, Sampler]:
    recent = partial(_recent, options.repeat_last_n)
    wanted: dict[str, tuple[bool, Sampler]] = {
        "repetition": (
            options.repetition_penalty != 1,
            lambda history, x: samplers.repetition_penalty(recent(history), x, options.repetition_penalty),
        ),
        "presence": (
            bool(options.presence_penalty or options.frequency_penalty),
            lambda history, x: samplers.presence_and_frequency(
                recent(history), x, options.presence_penalty, options.frequency_penalty
            ),
        ),
        "ngram": (
            options.no_repeat_ngram > 0,
            lambda history, x: samplers.no_repeat_ngram(history, x, options.no_repeat_ngram, end),
        ),
        "temperature": (options.temperature not in (0, 1), lambda _, x: samplers.temperature(x, options.temperature)),
        "top-k": (options.top_k > 0, lambda _, x: samplers.top_k(x, options.top_k)),
        "top-p": (options.top_p < 1, lambda _, x: samplers.top_p(x, options.top_p)),
        "min-p": (options.min_p > 0, lambda _, x: samplers.min_p(x, options.min_p)),
        "typical": (options.typical < 1, lambda _, x: samplers.typical(x, options.typical)),
        "top-n-sigma": (options.top_n_sigma > 0, lambda _, x: samplers.top_n_sigma(x, options.top_n_sigma)),
        "mirostat": (options.mirostat == 2, Mirostat(options.mirostat_tau, options.mirostat_eta)),
    }
    return {name: sampler for name in options.order for active, sampler in [wanted[name]] if active}


def _recent(count: int, history: Sequence[int]) -> Sequence[int]:
    return history[-count:] if count else history
