"""`lmgen export`: a model for another runtime."""

from pathlib import Path

import click

from lmgen.cli.converting import show_progress
from lmgen.cli.options import complete_model
from lmgen.export import FORMATS, PRECISIONS, export_model
from lmgen.store import find


@click.command("export")
@click.argument("model", metavar="MODEL|FOLDER", shell_complete=complete_model)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="Of the files."
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS[FORMATS[0]]),
    default="float32",
    show_default=True,
    help="Of onnx and litert-web: int8 is a third of the size.",
)
@click.option("-o", "--output", metavar="FOLDER", help="The folder to make.  [default: MODEL-FORMAT]")
def export_command(model: str, form: str, precision: str, output: str | None) -> None:
    """Write MODEL, a name or a folder, for programs that know nothing of lmgen, and print the new folder.

    \b
      onnx        model.onnx, for ONNX Runtime in any language
      savedmodel  for TensorFlow and TensorFlow Serving
      graphdef    graph.pb, which restores the model's own checkpoint files
      litert-web  LiteRT files of fixed sizes, for browsers

    The vocabulary is written beside it. A word is read by its characters, and the LSTM's states go in and
    come out: docs/exports.md shows programs.

    \b
    Examples:
      lmgen export mini
      lmgen export mini --precision int8 -o web
      lmgen export models/news --format savedmodel
    """
    files = find(model)
    target = output or f"{files.folder.resolve().name}-{form}"
    export_model(files, form, precision, Path(target), show_progress)
    click.echo(target)
