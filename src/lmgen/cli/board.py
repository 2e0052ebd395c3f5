"""`lmgen serve-board` and `lmgen board-vectors`: what TensorBoard shows."""

import contextlib
from pathlib import Path

import click

from lmgen.cli.board_options import Listening, show_board
from lmgen.cli.console import stderr_console
from lmgen.cli.model_options import ModelChoice, model_options
from lmgen.store import board_folder
from lmgen.text import words_of

FOLDER = click.Path(path_type=Path)


@click.command("serve-board")
@click.argument("folder", metavar="[DIR]", required=False, type=FOLDER)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen at; 0 takes any free one.  [default: 6006 or the next free]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--reload", type=click.IntRange(1), default=5, show_default=True, help="Seconds between two looks for new data."
)
@click.option("--open", "open_browser", is_flag=True, help="Open a browser on the page.")
def serve_board(folder: Path | None, port: int | None, host: str, reload: int, open_browser: bool) -> None:
    """Start TensorBoard on the runs in DIR, or where --board writes if no folder is named. Ctrl-C stops it.

    The address that is printed shows the newest run alone; clear the filter there to see all.

    \b
    Examples:
      lmgen serve-board
      lmgen serve-board runs --port 0 --open
    """
    if folder is None:
        folder = board_folder()
        with contextlib.suppress(OSError):  # what is wrong with it is reported below
            folder.mkdir(parents=True, exist_ok=True)
    show_board(folder, Listening(host, port, reload), open_browser=open_browser)


@click.command("board-vectors")
@click.argument("folder", metavar="[DIR]", required=False, type=FOLDER)
@click.option(
    "--top", type=click.IntRange(1), default=10_000, show_default=True, help="How many of the most frequent words."
)
@click.option("-w", "--words", type=FOLDER, metavar="FILE", help="The words of this file, not the most frequent ones.")
@model_options("float32")
def board_vectors(folder: Path | None, top: int, words: Path | None, model: ModelChoice) -> None:
    """Write word vectors into DIR, or where --board writes, for the projector of serve-board.

    Both spaces: what the LSTM sees of a word, from its letters, and the word's row of the softmax.

    \b
    Examples:
      lmgen board-vectors --top 20000
      lmgen board-vectors runs --words animals.txt -m models/news
    """
    given = words_of(words) if words else None
    loaded = model.open(model.find())
    from lmgen.board import frequent, known, write_vectors

    chosen = frequent(loaded.vocabulary, top) if given is None else known(loaded.vocabulary, given)
    if given and len(chosen) < len(set(given)):
        click.echo(f"{len(set(given)) - len(chosen)} words are not in the model's vocabulary: left out", err=True)
    with stderr_console().status("writing vectors"):
        run = write_vectors(loaded, chosen, folder or board_folder())
    click.echo(run)
