"""`lmgen models`: what models there are, whether they are whole, and how they come and go without a network."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lmgen.checkpoint import Manifest, open_folder
from lmgen.cli.commands import Suggesting
from lmgen.cli.model_options import open_files
from lmgen.cli.options import complete_local, complete_model, confirmed
from lmgen.engines import EngineOptions, forget, verify_converted
from lmgen.errors import IntegrityError, LmgenError, MissingError, UsageError
from lmgen.scoring import Answer, answers
from lmgen.store import (
    export as export_archive,
    find,
    find_folder,
    import_archive,
    import_folder,
    manifest_of,
    model_folders,
    own_folder,
    released,
    remove,
    verify,
    write_archive,
)
from lmgen.text import check_output

FORMAT = click.option(
    "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True, help="Output format."
)
LOCAL = click.argument("model", shell_complete=complete_local)
AS = click.option(
    "--as", "known", default="", metavar="MODEL", help="Take it for this model, e.g. lm1b, if it has no model.toml."
)


@click.group(cls=Suggesting)
def models() -> None:
    """List, verify, move and remove models.

    \b
    Examples:
      lmgen models list
      lmgen models verify lm1b
      lmgen models export lm1b -o lm1b.tar
      lmgen models import lm1b.tar
    """


@models.command("list", short_help="List the models that are here, or can be downloaded.")
@FORMAT
def list_models(kind: str) -> None:
    """List the models that are here, or can be downloaded: name, words, parameters, description."""
    folders = model_folders()
    facts = [_facts_or_problem(folder) for folder in folders.values()]
    facts += [_facts(name, None, manifest) for name, manifest in released().items() if name not in folders]
    if kind == "json":
        _print_json(facts)
        return
    table = Table("name", "words", "parameters", "description", box=None, pad_edge=False)
    for fact in facts:
        sizes = (f"{fact['words']:,}", f"{fact['parameters'] / 1e6:,.1f} M") if "words" in fact else ("", "")
        absent = "" if fact["folder"] else f"Not here yet: lmgen download {fact['name']}. "
        table.add_row(fact["name"], *sizes, _printable(fact.get("problem") or absent + fact.get("description", "")))
    Console(highlight=False, markup=False).print(table)


@models.command()
@click.argument("model", shell_complete=complete_model)
@FORMAT
def show(model: str, kind: str) -> None:
    """Say what is known of MODEL, a name or a folder."""
    if model in released() and model not in model_folders():
        facts = _facts(model, None, released()[model])
    else:
        files = find(model)
        facts = _facts(files.folder.name, files.folder, files.manifest)
    if kind == "json":
        _print_json(facts)
        return
    for name, value in _flat("", {**facts, "folder": facts["folder"] or f"not here yet: lmgen download {model}"}):
        click.echo(f"{name}: {_printable(value)}")


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(name, value) of all that is in nested tables, names joined by spaces."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(f"{name} {key}".strip(), item)
    elif isinstance(value, list):
        yield name, ", ".join(item for _, item in _flat("", dict(enumerate(value)))) if value else ""
    else:
        yield name, str(value)


def _printable(text: str) -> str:
    """What others wrote, without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


@models.command()
@LOCAL
def path(model: str) -> None:
    """Print the folder of MODEL."""
    click.echo(find(model).folder)


@models.command("verify", short_help="Compare the checksums of models' files.")
@click.argument("names", metavar="[MODEL]...", nargs=-1, shell_complete=complete_local)
@AS
@FORMAT
def verify_models(names: tuple[str, ...], known: str, kind: str) -> None:
    """Read every file of each MODEL, or of all that are here, and compare the checksums.

    Exit code 4 if a file is damaged or missing.
    """
    rows = []
    for name in names or model_folders():
        folder = find_folder(name)
        for file, state in chain(verify(folder, manifest_of(folder, known)), _converted(folder)):
            rows.append({"model": name, "file": file, "state": state})
            if kind == "text":
                click.echo(f"{name}\t{file}\t{state}")
    if kind == "json":
        _print_json(rows)
    bad = [f"{row['model']}: {row['file']} is {row['state']}" for row in rows if row["state"] != "ok"]
    if bad:
        raise IntegrityError(
            f"{', '.join(bad)} (`lmgen download` replaces the files of a released model, `lmgen convert` makes converted ones again)"
        )


def _converted(folder: Path) -> Iterator[tuple[str, str]]:
    """What was made of a model; of one that is not whole nothing is."""
    with contextlib.suppress(LmgenError):
        yield from verify_converted(open_folder(folder))


@models.command()
@LOCAL
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
def rm(model: str, yes: bool) -> None:
    """Remove MODEL, what was downloaded of it so far, and what was made of it."""
    if not yes and not confirmed(f"Remove {own_folder(model)}?", nobody=True, default=False):
        raise LmgenError("nothing was removed")
    with contextlib.suppress(LmgenError):  # of a model that is not whole nothing was made
        if own_folder(model).is_dir():
            forget(find(model))
    remove(model)


@models.command("export", short_help="Write a model into one tar file.")
@LOCAL
@click.option("-o", "--output", metavar="FILE", help="The file to write, - for stdout.  [default: MODEL.tar]")
def export_model(model: str, output: str | None) -> None:
    """Write MODEL into one tar file, for `lmgen models import` on a machine without a network."""
    files = find(model)
    if output:
        check_output(output)
    if output != "-":
        export_archive(files, Path(output or f"{files.folder.resolve().name}.tar"))
        return
    if sys.stdout.isatty():
        raise UsageError("an archive is nothing to read on a terminal: give -o FILE, or pipe it on")
    write_archive(files, sys.stdout.buffer)


@models.command("import", short_help="Take in a model from a tar file or a folder.")
@click.argument("source", metavar="FILE|FOLDER")
@click.option("--name", default="", help="Name of the model on this machine.  [default: its own name]")
def import_model(source: str, name: str) -> None:
    """Take in a model from a tar file (- for stdin) or a folder in the released layout, and verify it."""
    if Path(source).is_dir():
        click.echo(import_folder(Path(source), name))
    elif source == "-":
        click.echo(import_archive(sys.stdin.buffer, name))
    else:
        try:
            archive = open(source, "rb")  # noqa: SIM115 (closed below; only its opening is caught)
        except OSError as error:
            raise MissingError(f"cannot read {source}: {error.strerror}") from error
        with archive:
            click.echo(import_archive(archive, name))


@models.command("selftest", short_help="Compare a model's answers with published ones.")
@LOCAL
@AS
@FORMAT
def selftest_model(model: str, known: str, kind: str) -> None:
    """Load MODEL and compare its answers with those that its manifest quotes from publications.

    Surprisals, in bits, and lists of the most likely next words. Exit code 1 if any differs.
    """
    files = find(model)
    expectations = manifest_of(files.folder, known).expectations
    if not expectations:
        raise UsageError(f"nothing is quoted in the manifest of {model}, so there is nothing to compare")
    lm = open_files(files, EngineOptions(precision="float32"))
    found = [answer for expectation in expectations for answer in answers(lm, expectation)]
    if kind == "json":
        _print_json([asdict(answer) for answer in found])
    else:
        _print_answers(found)
    if wrong := sum(not answer.passed for answer in found):
        raise LmgenError(f"{wrong} of {len(found)} answers of {model} are not what they should be")


def _print_answers(found: list[Answer]) -> None:
    table = Table("", "difference", "expected", "got", "text", box=None, pad_edge=False)
    for answer in found:
        verdict = "ok" if answer.passed else "WRONG"
        table.add_row(verdict, f"{answer.difference:+.4f}", answer.expected, answer.got, answer.text)
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print("From:", *dict.fromkeys(answer.source for answer in found), sep="\n  ")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _facts_or_problem(folder: Path) -> dict:
    """A list shows damaged models too, and what is wrong with them."""
    try:
        return _facts(folder.name, folder, open_folder(folder).manifest)
    except LmgenError as error:
        return {"name": folder.name, "folder": str(folder), "problem": str(error)}


def _bytes(folder: Path | None, manifest: Manifest) -> int:
    """Of all files: those that are here, or what a download will have."""
    if folder is None:
        return manifest.size
    paths = [folder / name for name in manifest.files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _facts(name: str, folder: Path | None, manifest: Manifest | None) -> dict:
    """What a model's manifest says, or just where it is if it has none; `folder` is None if it is not here."""
    facts: dict[str, Any] = {"name": name, "folder": str(folder) if folder else None}
    if manifest is None:
        return facts
    return {
        **facts,
        "description": manifest.description,
        "licence": manifest.licence,
        "citation": manifest.citation,
        "words": manifest.words,
        "parameters": manifest.shape.parameters,
        "bytes": _bytes(folder, manifest),
        "context": manifest.carried,
        "generation": vars(manifest.generation),
        "shape": {**vars(manifest.shape), "filters": list(manifest.shape.filters)},
        "training": manifest.training,
    }
