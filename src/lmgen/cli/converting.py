"""Conversion with its progress: where it is asked for, and by itself before a model first writes."""

from collections.abc import Iterable
from pathlib import Path

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.console import in_bytes, stderr_console
from lmgen.engines import size_of, tensorflow_installed
from lmgen.errors import LmgenError
from lmgen.export import convert_model


def convert_first(files: ModelFiles, precision: str, verbose: bool) -> None:
    """Convert a model, and say so; where that cannot be, say why, and leave it to TensorFlow if it is installed."""
    name, size = files.folder.name, in_bytes(size_of(files, precision))
    otherwise = "; --engine session does without" if tensorflow_installed() else ""
    click.echo(f"{name} is converted for the fast engine, this once ({size}{otherwise})", err=True)
    try:
        convert_shown(files, precision, verbose)
    except (LmgenError, MemoryError) as error:
        if not tensorflow_installed():
            raise
        click.echo(f"it was not converted, and TensorFlow runs it: {error or 'out of memory'}", err=True)


def convert_shown(files: ModelFiles, precision: str, verbose: bool) -> Path:
    """`convert_model`, with a bar on a terminal."""
    return convert_model(files, precision, verbose, show_progress)


def show_progress(made: Iterable[tuple[str, int]]) -> None:
    """Run through what is made, with a bar on a terminal."""
    from rich.progress import Progress  # few calls convert: the others are to start fast

    console = stderr_console()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("starting", total=None)
        for number, (name, count) in enumerate(made):
            progress.update(task, description=name, completed=number, total=count)
