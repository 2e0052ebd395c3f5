"""What lets threads and forked processes use one model."""

import ctypes
import os
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Protocol


class Forked(Protocol):
    """What must be made ready in a process that was forked from the one that made it."""

    def after_fork(self) -> None:
        """Make it ready. No other thread runs yet."""


_made: "weakref.WeakSet[Forked]" = weakref.WeakSet()


def ready_after_fork(value: Forked) -> None:
    """Have `after_fork` called in every forked process."""
    _made.add(value)


def keep_for_ever(value: object) -> None:
    """Never free a value, not even when the process ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


class ModelLock(AbstractContextManager[None]):
    """Held by one thread at a time, which may take it again. It is free in a forked process, whoever had it before."""

    def __init__(self) -> None:
        self.after_fork()
        ready_after_fork(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def after_fork(self) -> None:
        """Forget who holds it: of the process's threads only one is left."""
        self._lock = threading.RLock()


def _after_fork() -> None:
    for value in list(_made):
        value.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
