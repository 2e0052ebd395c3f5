"""`lmgen convert`: files that the fast engine runs."""

import click
from rich.progress import Progress

from lmgen.cli.console import stderr_console
from lmgen.cli.converting import convert_shown
from lmgen.cli.model_options import precision
from lmgen.cli.options import complete_model
from lmgen.engines import EngineOptions, load
from lmgen.model import SPELLED_WORDS
from lmgen.store import DEFAULT_MODEL, find
from lmgen.text import FREQUENT_WORDS


@click.command()
@click.argument("model", default=DEFAULT_MODEL, metavar="[MODEL|FOLDER]", shell_complete=complete_model)
@precision("fast")
@click.option(
    "--embeddings",
    type=click.IntRange(0, FREQUENT_WORDS),
    default=0,
    metavar="N",
    help="Of a large model, also compute the vectors of the N most frequent words, which are kept in the cache.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print more on stderr.")
def convert(model: str, precision: str, embeddings: int, verbose: bool) -> None:
    """Make LiteRT files of MODEL, a name or a folder, and print where they are.

    They are written beside the checkpoint, or in the cache where that cannot be. Files that are there and
    belong to the checkpoint are left as they are; an interrupted conversion continues.

    \b
    Examples:
      lmgen convert models/news
      lmgen convert lm1b --precision float32
      lmgen convert lm1b --embeddings 20000
    """
    files = find(model)
    folder = convert_shown(files, precision, verbose)
    loaded = load(files, EngineOptions("litert", precision, verbose=verbose))  # packs the weights of a large one
    words = loaded.vocabulary.words[:embeddings]
    console = stderr_console()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        for begin in progress.track(range(0, len(words), SPELLED_WORDS), description="vectors of words"):
            loaded.vectors(words[begin : begin + SPELLED_WORDS])
    click.echo(folder)
