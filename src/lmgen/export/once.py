"""A conversion, made where there is none that fits."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from lmgen.checkpoint import ModelFiles
from lmgen.engines import (
    beside,
    cached,
    find_converted,
    fingerprint,
    quiet_tensorflow,
    size_of,
    tensorflow_installed,
)
from lmgen.errors import IntegrityError
from lmgen.store import check_room, lock, one_at_a_time, writing

SMALL = 128 << 20
"""Bytes of converted files that are made sooner than TensorFlow starts."""


def convert_model(
    files: ModelFiles, precision: str, verbose: bool = False, show: Callable[[Iterable[tuple[str, int]]], object] = list
) -> Path:
    """The folder of converted files that fit the model, made now if there is none.

    Args:
      show: runs through what `convert` yields, and may show it.

    Raises DownloadError if they cannot be written, IntegrityError if the checkpoint is damaged.
    """
    from lmgen.export.litert import convert  # only who converts waits for it

    with writing(), lock(f"convert-{fingerprint(files)[:16]}"), one_at_a_time(files.folder):
        # who comes second finds them made, also another user, whose other locks lie elsewhere
        if not (folder := _fitting(files, precision)):
            place = beside if os.access(files.folder, os.W_OK) else cached
            folder = place(files, precision)
            check_room(size_of(files, precision), folder)
            with quiet_tensorflow(verbose):
                show(convert(files, folder, precision))
    return folder


def convert_if_better(files: ModelFiles, precision: str) -> None:
    """Convert a model if that is better than not to: `is_better_converted`."""
    if is_better_converted(files, precision):
        convert_model(files, precision)


def is_better_converted(files: ModelFiles, precision: str) -> bool:
    """Whether a model's files are made even for a single use: they are few bytes, or nothing else can run it."""
    return not tensorflow_installed() or size_of(files, precision) <= SMALL


def _fitting(files: ModelFiles, precision: str) -> Path | None:
    try:
        found = find_converted(files, precision, fresh=True)
    except IntegrityError:  # damaged: a conversion mends that
        return None
    return found.vectors.parent if found else None
