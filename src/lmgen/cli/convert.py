"""`lmgen convert`: files that the fast engine runs."""

import click

from lmgen.cli.converting import convert_model
from lmgen.cli.options import complete_model, precision
from lmgen.engines import load
from lmgen.store import DEFAULT_MODEL, find


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
    folder = convert_model(find(model), precision, verbose)
    load(model, "litert", precision=precision, verbose=verbose)  # packs the weights of a large one
    click.echo(folder)
