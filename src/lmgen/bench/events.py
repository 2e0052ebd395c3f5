"""What a benchmark reports while it runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Begun:
    """A contender of a benchmark begins with something."""

    contender: str
    what: str
    round: int | None = None
    """From 0; None outside of rounds."""


@dataclass(frozen=True)
class Measured:
    """A contender of a benchmark had its turn."""

    contender: str
    measure: str
    """What was measured, and in which unit."""
    round: int
    """Values of a measure in the same round were taken one after the other."""
    value: float


@dataclass(frozen=True)
class Apart:
    """Contenders do not fit into memory together: each of them meets this one alone."""

    contender: str
