"""`lmgen convert`: files that the fast engine runs."""

import os
from pathlib import Path

import click
from rich.progress import Progress

from lmgen.cli.options import complete_model, precision
from lmgen.converted import beside, cached, find_converted, fingerprint
from lmgen.errors import IntegrityError
from lmgen.output import stderr_console
from lmgen.quiet import quiet_tensorflow
from lmgen.store import DEFAULT_MODEL, ModelFiles, find, lock


@click.command(short_help="Make the files that the fast engine runs.")
@click.argument("model", default=DEFAULT_MODEL, metavar="[MODEL|FOLDER]", shell_complete=complete_model)
@precision("fast")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
def convert(model: str, precision: str, verbose: bool) -> None:
    """Make LiteRT files of MODEL, a name or a folder, and print where they are.

    They are written beside the checkpoint, or in the cache where that cannot be. Files that are there and
    belong to the checkpoint are left as they are; an interrupted conversion goes on.

    \b
    Examples:
      lmgen convert models/news
      lmgen convert lm1b --precision float32
    """
    files = find(model)
    with lock(f"convert-{fingerprint(files)[:16]}"):  # who comes second finds them made
        if not (folder := _fitting(files, precision)):
            folder = _place(files, precision)
            with quiet_tensorflow(verbose):
                _convert(files, folder, precision)
    click.echo(folder)


def _fitting(files: ModelFiles, precision: str) -> Path | None:
    try:
        found = find_converted(files, precision)
    except IntegrityError:  # damaged: that is what this command mends
        return None
    return found.vectors.parent if found else None


def _place(files: ModelFiles, precision: str) -> Path:
    writable = os.access(files.folder, os.W_OK)
    return beside(files, precision) if writable else cached(files, precision)


def _convert(files: ModelFiles, folder: Path, precision: str) -> None:
    from lmgen.convert import convert as convert_files

    console = stderr_console()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None)
        for number, (name, count) in enumerate(convert_files(files, folder, precision)):
            progress.update(task, description=name, completed=number, total=count)
