"""`lmgen repl`: write together with the model."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from lmgen.cli.board_options import BOARD, BoardChoice, board_of, open_board
from lmgen.cli.console import painter
from lmgen.cli.generation_options import CONSTRAINTS, LENGTH, SAMPLING, chosen
from lmgen.cli.model_options import ModelChoice, model_options
from lmgen.cli.options import COLOUR, SPLITTING, Splitting, group
from lmgen.errors import UsageError
from lmgen.generation import Generation, Style, changed, split_options
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


@dataclass(frozen=True, kw_only=True)
class _Options:
    changes: dict[str, Any]
    """What was asked for of a `Generation`."""
    color_by: str | None
    splitting: Splitting
    board: BoardChoice
    no_history: bool
    model: ModelChoice


@click.command()
@group("changes", chosen, LENGTH, SAMPLING, CONSTRAINTS)
@COLOUR
@SPLITTING
@BOARD
@click.option("--no-history", is_flag=True, help="Neither read nor keep what was typed in earlier sessions.")
@model_options("fast")
def repl(**options) -> None:
    """Write together with the model: type a text, and it continues.

    Enter alone continues the text. Commands, listed by /help, undo, branch, show what else
    might have come, choose words by hand, save. Lines may be piped in; the first that cannot be done ends it.

    \b
    Examples:
      lmgen repl
      lmgen repl -t 0.7 --color-by surprisal
      printf 'The old man\\n/alt\\n' | lmgen repl --seed 1
    """
    asked = _Options(**options)
    known, _ = split_options(asked.changes)
    changed(Generation(), known)  # refuses what cannot be before the model is opened

    def load_model(name: str) -> LanguageModel:
        return asked.model.open(find(name), converts=True)

    settings = Settings([option for option in settable.params if isinstance(option, click.Option)])
    with contextlib.closing(Repl(load_model, asked.model.name, settings, sys.stdout)) as session:
        session.given, session.split = known, asked.splitting.words
        session.style = Style(by_surprisal=asked.color_by == "surprisal", paint=painter(sys.stdout))
        session.board_histograms = asked.board.histograms
        if asked.board.given is not None:
            session.record_into(board_of(asked.board.given))
        _converse(session, keep_history=not asked.no_history)
    open_board(asked.board)


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
    r"""Lines of text; one that ends with a \ continues in the next, if there is one."""
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
