"""What is shown to people, on a terminal or on stderr."""

import io
import os
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

import click

from lmgen.text import visible

if TYPE_CHECKING:
    from rich.console import Console


def stderr_console() -> "Console":
    """Where progress and notes for people go."""
    from rich.console import Console  # few words need it, and it takes as long as some of them

    return Console(stderr=True, highlight=False)


class _Terminal(io.TextIOWrapper):
    """A terminal that obeys nothing in the texts it shows."""

    def write(self, text: str, /) -> int:
        super().write(visible(text))
        return len(text)


def prepare_stdout() -> None:
    """Results are UTF-8 whatever the locale is; a terminal that cannot show all of it shows what it can."""
    if not isinstance(sys.stdout, io.TextIOWrapper):
        return
    if sys.stdout.isatty():
        encoding = sys.stdout.encoding
        sys.stdout = _Terminal(sys.stdout.detach(), encoding, "replace", line_buffering=True)
    else:
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")


def in_bytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def painter(stream: IO) -> Callable[..., str] | None:
    """What colours texts on a stream: on a terminal that can show it, unless NO_COLOR or FORCE_COLOR decide."""
    if os.environ.get("NO_COLOR"):
        return None
    able = stream.isatty() and os.environ.get("TERM") != "dumb"
    return click.style if able or os.environ.get("FORCE_COLOR") else None
