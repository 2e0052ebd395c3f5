"""`lmgen repl`: write together with the model."""

import contextlib
import secrets
import sys
from collections.abc import Iterable, Iterator

import click

from lmgen.cli.console import painter
from lmgen.cli.options import (
    BOARD,
    COLOUR,
    CONSTRAINTS,
    LENGTH,
    MODEL,
    SAMPLING,
    SPLITTING,
    board_of,
    open_model,
    precision,
    splitter,
)
from lmgen.errors import UsageError
from lmgen.generation import Generation, Style, changed, given, split_options
from lmgen.model import LanguageModel
from lmgen.repl import Leave, Repl, Settings, read
from lmgen.store import find


@click.command()
@LENGTH
@SAMPLING
@CONSTRAINTS
@COLOUR
def settable(**_options) -> None:
    """Hold the options that /set knows; it is no command of its own."""


@click.command(short_help="Write together with the model: undo, branch, choose words.")
@LENGTH
@SAMPLING
@CONSTRAINTS
@COLOUR
@SPLITTING
@BOARD
@click.option("--no-history", is_flag=True, help="Neither read nor keep what was typed in earlier sessions.")
@precision("fast")
@MODEL
def repl(no_history: bool, **options) -> None:
    """Write together with the model: type a text, and it goes on.

    Enter alone goes on from where the text stands. Commands, listed by /help, undo, branch, show what else
    might have come, choose words by hand, save. Lines may be piped in; the first that cannot be done ends it.

    \b
    Examples:
      lmgen repl
      lmgen repl -t 0.7 --color-by surprisal
      printf 'The old man\\n/alt\\n' | lmgen repl --seed 1
    """
    options["seed"] = secrets.randbits(32) if options["seed"] is None else options["seed"]
    chosen, _ = split_options(given(options))
    changed(Generation(), chosen)  # refuses what cannot be before the model is opened

    def load_model(name: str) -> LanguageModel:
        return open_model(find(name), options, converts=True)

    with contextlib.closing(
        Repl(
            load_model,
            options["model"],
            Settings([option for option in settable.params if isinstance(option, click.Option)]),
            sys.stdout,
        )
    ) as session:
        session.given, session.split = chosen, splitter(options)
        session.style = Style(by_surprisal=options["color_by"] == "surprisal", paint=painter(sys.stdout))
        session.board_histograms = options["board_histograms"]
        if options["board"] is not None:
            session.record_into(board_of(options["board"]))
        _converse(session, keep_history=not no_history)


def _converse(session: Repl, keep_history: bool) -> None:
    if sys.stdin.isatty() and sys.stdout.isatty():
        from lmgen.repl import talk

        talk(session, keep_history)
    else:
        _obey(session, sys.stdin.buffer)


def _obey(session: Repl, lines: Iterable[bytes]) -> None:
    """Do line after line."""
    for line in _joined(lines):
        try:
            read(session, line)
        except Leave:
            return


def _joined(lines: Iterable[bytes]) -> Iterator[str]:
    r"""Lines of text; one that ends with a \ goes on in the next, if there is one."""
    begun: str | None = None
    for number, raw in enumerate(lines, 1):
        try:
            line = (begun or "") + raw.decode("utf-8" if number > 1 else "utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"line {number} on stdin is not UTF-8 text: see byte {error.start + 1}") from error
        begun = line[:-1] + " " if line.endswith("\\") else None
        if begun is None:
            yield line
    if begun is not None:
        yield begun
