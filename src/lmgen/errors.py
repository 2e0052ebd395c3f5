"""Everything lmgen can refuse to do: one family, each with its exit code.

    LmgenError        1   failure
    ├── UsageError    2   the command or its input cannot be used as given
    ├── MissingError  3   a model or a file is not there, or cannot be read
    ├── IntegrityError 4  a file is there but damaged, or not what it says it is
    ├── DownloadError 5   a model cannot be downloaded: network, disk, rights
    ├── DeviceError   6   a device or its memory cannot be had
    └── UnsupportedError 99   this model cannot do that

The message is one line: what was wrong, and what to do next.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


class LmgenError(Exception):
    """lmgen cannot continue."""

    exit_code = 1


class UsageError(LmgenError):
    """What the user gave cannot be used."""

    exit_code = 2


class MissingError(LmgenError):
    """A model or a file is missing or unreadable."""

    exit_code = 3


class IntegrityError(LmgenError):
    """A file is damaged, or is not of the kind it should be."""

    exit_code = 4


class DownloadError(LmgenError):
    """A model's files cannot be downloaded: the network, the disk or its rights forbid it."""

    exit_code = 5


class DeviceError(LmgenError):
    """A device is absent, or its memory does not suffice."""

    exit_code = 6


class UnsupportedError(LmgenError):
    """A model cannot do what was asked of it; the code is lm-zoo's."""

    exit_code = 99


EXTRAS = {
    "tensorflow": ("TensorFlow", ("tensorflow",)),
    "onnx": ("onnx", ("onnx",)),
    "parquet": ("pyarrow", ("pyarrow",)),
    "ray": ("Ray", ("ray",)),
    "server": ("a web server", ("starlette", "uvicorn", "msgspec", "prometheus_client")),
}
"""Extras of the package, each with what it adds and the modules of that."""


def needing_tensorflow(what: str) -> AbstractContextManager[None]:
    """Raise UnsupportedError that says what needs TensorFlow, where it is not installed."""
    return needing("tensorflow", what)


def needing_onnx(what: str) -> AbstractContextManager[None]:
    """The same of `onnx`."""
    return needing("onnx", what)


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Raise UnsupportedError that says what needs an extra, where that is not installed."""
    called, modules = EXTRAS[extra]
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in modules:
            raise
        raise UnsupportedError(f"{what} needs {called}: pip install 'lmgen[{extra}]'") from error
