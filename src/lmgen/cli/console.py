"""What is shown to people on stderr."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def stderr_console() -> "Console":
    """Where progress and notes for people go."""
    from rich.console import Console  # few words need it, and it takes as long as some of them

    return Console(stderr=True, highlight=False)


def in_bytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
