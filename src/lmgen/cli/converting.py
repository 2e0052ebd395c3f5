"""Conversion: where it is asked for, and by itself before a model first writes."""

import os
from pathlib import Path

import click

from lmgen.engines.litert_files import beside, cached, find_converted, fingerprint, size_of
from lmgen.engines.quiet import quiet_tensorflow
from lmgen.errors import IntegrityError, LmgenError
from lmgen.generation.output import in_bytes, stderr_console
from lmgen.store.library import ModelFiles, check_room, find, lock, writing


def convert_model(files: ModelFiles, precision: str, verbose: bool) -> Path:
    """The folder of converted files that fit the model, made now if there is none.

    Raises DownloadError if they cannot be written, IntegrityError if the checkpoint is damaged.
    """
    with writing(), lock(f"convert-{fingerprint(files)[:16]}"):  # who comes second finds them made
        if not (folder := _fitting(files, precision)):
            folder = _place(files, precision)
            check_room(size_of(files, precision), folder)
            with quiet_tensorflow(verbose):
                _convert(files, folder, precision)
    return folder


def convert_first(model: str, precision: str, verbose: bool) -> None:
    """Convert a model that has not been, and say so; where that cannot be, say why."""
    files = find(model)
    if find_converted(files, precision):
        return
    size = in_bytes(size_of(files, precision))
    click.echo(f"{model} is converted for the fast engine, this once ({size}; --engine session does without)", err=True)
    try:
        convert_model(files, precision, verbose)
    except (LmgenError, MemoryError) as error:
        click.echo(f"it was not, and TensorFlow goes on: {error or 'out of memory'}", err=True)


def _fitting(files: ModelFiles, precision: str) -> Path | None:
    try:
        found = find_converted(files, precision)
    except IntegrityError:  # damaged: a conversion mends that
        return None
    return found.vectors.parent if found else None


def _place(files: ModelFiles, precision: str) -> Path:
    writable = os.access(files.folder, os.W_OK)
    return beside(files, precision) if writable else cached(files, precision)


def _convert(files: ModelFiles, folder: Path, precision: str) -> None:
    from rich.progress import Progress  # few calls convert: the others are to start fast

    from lmgen.export.litert import convert

    console = stderr_console()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("starting", total=None)
        for number, (name, count) in enumerate(convert(files, folder, precision)):
            progress.update(task, description=name, completed=number, total=count)
