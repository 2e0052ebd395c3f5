"""Where and how a TensorFlow session runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Devices and their use."""

    devices: tuple[str, ...] = ()
    """Names such as `cpu:0`, `gpu:1`. Layers go to them in turn, the softmax is split among them."""
    soft: bool = False
    """Let the CPU stand in for a device that is absent, or that cannot run an operation."""
    allow_growth: bool = False
    """Take GPU memory as it is needed, not all at once."""
    threads: int = 0
    """Threads per operation; 0 for as many as there are cores."""
