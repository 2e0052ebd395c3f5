"""The process that writes runs, started: before all else, if it is known that there is something to write.

It takes as long to start as the one that generates, which imports this before it imports much.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, cast

PIPE = 1 << 20
"""Bytes that may wait while it starts: as many as Linux allows."""
BUFFER = 1 << 16
"""Bytes that are handed over at once, at most."""
ENVIRONMENT = {
    "PYTHONSAFEPATH": "1",  # what lies in the current folder is not to be imported
    "OPENBLAS_NUM_THREADS": "1",  # it needs no others, and starting them takes as long as all else
}


@dataclass(frozen=True)
class Child:
    """A process that obeys the commands on its stdin: see `worker.main`."""

    process: subprocess.Popen[bytes]
    orders: IO[bytes]
    """Its stdin."""
    said: IO[bytes]
    """Its stdout."""
    memory: int
    """A file descriptor of memory that it has too, yet empty."""

    def close(self) -> tuple[bool, bytes]:
        """Whether it failed, and what it has said since."""
        try:
            self.orders.close()
        except BrokenPipeError:
            pass  # its exit code says so
        said = self.said.read()
        self.said.close()
        os.close(self.memory)
        return self.process.wait() != 0, said


_waiting: list[Child] = []


def start_early() -> None:
    """Have a process start that will be taken soon."""
    _waiting.append(_start())


def take() -> Child:
    """The process that was started early, or another one."""
    return _waiting.pop() if _waiting else _start()


def dismiss() -> None:
    """End the process that nobody took, if there is one."""
    while _waiting:
        _waiting.pop().close()


def _start() -> Child:
    memory = _unnamed_memory()
    process = subprocess.Popen(
        [sys.executable, "-m", "lmgen.board.worker", str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=BUFFER,
        pipesize=PIPE,
        pass_fds=[memory],
        env={**os.environ, **ENVIRONMENT},
        start_new_session=True,  # Ctrl-C is not for it: it has yet to finish its files
    )
    return Child(process, cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout), memory)


def _unnamed_memory() -> int:
    """A file descriptor of memory of which nothing is left when all who have it end, however they do."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("lmgen")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
