"""What a download reports while it runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """Another process is fetching the same model; this one continues when it is done."""

    model: str


@dataclass(frozen=True)
class Received:
    """More of a file came."""

    file: str
    size: int
    """Bytes that are here now; fewer than before where the file is begun again."""
    total: int
    """Bytes of the whole file; 0 if not known yet."""


@dataclass(frozen=True)
class Failed:
    """An attempt at a file failed; another follows."""

    file: str
    problem: str
    seconds: float
    """How long it waits before."""


@dataclass(frozen=True)
class Placed:
    """A file is verified and in its place."""

    file: str
    size: int
    fetched: bool
    """False if it was there already."""
