"""`lmgen models`: what models are here."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lmgen.errors import LmgenError
from lmgen.store import ModelFiles, find, model_folders, open_folder

FORMAT = click.option(
    "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True, help="Of the output."
)


@click.group(short_help="List models, and say what they are.")
def models() -> None:
    """List the models that are here, and say what they are.

    \b
    Examples:
      lmgen models list
      lmgen models show mini
    """


@models.command("list")
@FORMAT
def list_models(kind: str) -> None:
    """List the models that are here: name, words, parameters, description."""
    facts = [_facts_or_problem(folder) for folder in model_folders().values()]
    if kind == "json":
        click.echo(json.dumps(facts, indent=2))
        return
    table = Table("name", "words", "parameters", "description", box=None, pad_edge=False)
    for fact in facts:
        sizes = (f"{fact['words']:,}", f"{fact['parameters'] / 1e6:.1f} M") if "words" in fact else ("", "")
        table.add_row(fact["name"], *sizes, fact.get("problem") or fact.get("description", ""))
    Console(highlight=False).print(table)


@models.command()
@click.argument("model")
@FORMAT
def show(model: str, kind: str) -> None:
    """Say what is known of MODEL, a name or a folder."""
    facts = _facts(find(model))
    if kind == "json":
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        for key, item in value.items() if isinstance(value, dict) else [("", value)]:
            click.echo(f"{' '.join(filter(None, (name, key)))}: {item}")


@models.command()
@click.argument("model")
def path(model: str) -> None:
    """Print the folder of MODEL."""
    click.echo(find(model).folder)


def _facts_or_problem(folder: Path) -> dict:
    """A list shows damaged models too, and what is wrong with them."""
    try:
        return _facts(open_folder(folder))
    except LmgenError as error:
        return {"name": folder.name, "folder": str(folder), "problem": str(error)}


def _facts(files: ModelFiles) -> dict:
    """What a model's manifest says, or just where it is if it has none."""
    manifest = files.manifest
    if manifest is None:
        return {"name": files.folder.name, "folder": str(files.folder)}
    return {
        "name": files.folder.name,
        "folder": str(files.folder),
        "description": manifest.description,
        "licence": manifest.licence,
        "words": manifest.words,
        "parameters": manifest.shape.parameters,
        "shape": {**vars(manifest.shape), "filters": list(manifest.shape.filters)},
        "training": manifest.training,
    }
