"""What was predicted in bins of probability, beside what came, as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmgen.pictures.png import LINE, WIDTH, Png, ground, line

CAPTION = "blue: predicted, orange: observed, % of words"
LABEL, NUMBERS = 96, 88
"""Pixels of a bin's probabilities, and of its two shares."""
BAR, SHADE = 6, 0.6
"""Height of each of a bin's bars in pixels; how dark they are, from 0 to 1."""


@dataclass(frozen=True)
class Bin:
    """Words predicted with a probability of `low` or more and less than `high`."""

    low: float
    high: float
    predicted: float
    """Of all words, the share that should be of the bin by their probabilities, 0 to 1."""
    observed: float
    """The share that was."""


def reliability(bins: Sequence[Bin]) -> Png:
    """A line for each bin: its probabilities, two bars, the longest of full length, and their shares."""
    longest = max(max(one.predicted, one.observed) for one in bins)
    png = Png()
    png.add(line(CAPTION, WIDTH))
    for one in bins:
        numbers = f"{one.predicted:.2%} {one.observed:.2%}".replace("%", "")
        png.add(np.hstack([line(f"{one.low:g} to {one.high:g}", LABEL), _bars(one, longest), line(numbers, NUMBERS)]))
    return png


def _bars(one: Bin, longest: float) -> np.ndarray:
    """Palette places, uint8 [LINE, what label and numbers leave]."""
    places = np.arange(WIDTH - LABEL - NUMBERS)
    pixels = np.zeros((LINE, len(places)), np.uint8)
    for top, share, orange in ((2, one.predicted, False), (2 + BAR, one.observed, True)):
        pixels[top : top + BAR, places < round(share / longest * len(places))] = ground(np.array(SHADE), orange)
    return pixels
