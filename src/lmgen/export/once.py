"""A conversion, made where there is none that fits, and a model that runs on it."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from lmgen.checkpoint import ModelFiles
from lmgen.engines import (
    EngineOptions,
    beside,
    cached,
    find_converted,
    fingerprint,
    load,
    quiet_tensorflow,
    size_of,
    tensorflow_installed,
)
from lmgen.errors import IntegrityError
from lmgen.model import LanguageModel
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


def load_converted(
    files: ModelFiles,
    options: EngineOptions,
    convert: Callable[[ModelFiles, str], object] = convert_model,
    large: bool = True,
) -> LanguageModel:
    """Load a model; where `auto` could run litert but for the files, they are made first.

    Args:
      convert: makes the files of a precision.
      large: make files of more than SMALL bytes too, where TensorFlow could run the model without them.
    """
    precision, wanted = options.precision, options.engine == "auto" and options.prefers_litert
    may = large or not tensorflow_installed() or size_of(files, precision) <= SMALL
    if wanted and may and not find_converted(files, precision):
        convert(files, precision)
    return load(files, options)


def _fitting(files: ModelFiles, precision: str) -> Path | None:
    try:
        found = find_converted(files, precision, fresh=True)
    except IntegrityError:  # damaged: a conversion mends that
        return None
    return found.vectors.parent if found else None
