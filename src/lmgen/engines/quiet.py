"""TensorFlow and LiteRT without their chatter.

Their C++ side writes to file descriptor 2 before any logging option takes effect, so while it starts that
descriptor is turned away; Python's own sys.stderr still reaches the terminal.
"""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cache


@contextlib.contextmanager
def quiet_tensorflow(verbose: bool = False) -> Iterator[None]:
    """Keep what C++ code writes to stderr from the user, unless `verbose`."""
    if verbose or not _has_stderr():
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal, nowhere, python = os.dup(2), os.open(os.devnull, os.O_WRONLY), sys.stderr
    try:
        os.dup2(nowhere, 2)
        with open(os.dup(terminal), "w", encoding="utf-8", errors="backslashreplace") as sys.stderr:
            yield
    finally:
        sys.stderr = python
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


@cache
def quiet_end() -> None:
    """Keep from the user what C++ code writes to stderr when the process has ended for Python."""
    atexit.register(_turn_away)


def _has_stderr() -> bool:
    """Programs without a terminal may have none."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _turn_away() -> None:
    if not _has_stderr():
        return
    sys.stderr.flush()
    sys.stderr = open(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 (to the end)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
