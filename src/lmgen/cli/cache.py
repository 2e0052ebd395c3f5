"""`lmgen cache`: what was made of models and can be made again."""

import json

import click

from lmgen.cli.commands import Suggesting
from lmgen.cli.console import in_bytes
from lmgen.errors import UsageError
from lmgen.store import clear, kept


@click.group(cls=Suggesting)
def cache() -> None:
    """List and clear what was made of models: it is made again when it is needed.

    Models themselves are no part of it: see `lmgen models list` and `lmgen models rm`.

    \b
    Examples:
      lmgen cache list
      lmgen cache rm lm1b
      lmgen cache rm --all
    """


@cache.command("list")
@click.option(
    "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True, help="Output format."
)
def list_cache(kind: str) -> None:
    """Print model, kind, size and folder of all that is in the cache."""
    rows = [(entry.model, entry.kind, entry.size, str(entry.folder)) for entry in kept()]
    if kind == "json":
        names = "model", "kind", "bytes", "folder"
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2, ensure_ascii=False))
        return
    for model, what, size, folder in rows:
        click.echo("\t".join((model or "(all)", what, in_bytes(size), folder)))


@cache.command()
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Clear the whole cache.")
def rm(names: tuple[str, ...], everything: bool) -> None:
    """Remove what is in the cache of each MODEL. Nothing is asked: all of it can be made again."""
    if bool(names) == everything:
        raise UsageError("name models that `lmgen cache list` shows, or give --all")
    removed = [entry for name in names or ("",) for entry in clear(name)]
    click.echo(f"{len(removed)} folders removed", err=True)
