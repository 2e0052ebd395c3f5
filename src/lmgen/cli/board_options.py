"""Options of what is written for TensorBoard."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.options import group
from lmgen.model import LanguageModel
from lmgen.store import board_folder

if TYPE_CHECKING:
    from lmgen.board import Board, Writer

DEFAULT_BOARD = "default"
"""What --board without a folder is read as."""


@dataclass(frozen=True)
class BoardChoice:
    """Whether softmaxes are written for TensorBoard, and where."""

    given: str | None
    """What --board was given; None without it."""
    histograms: bool

    @contextlib.contextmanager
    def writer(self, files: ModelFiles) -> "Iterator[Writer | None]":
        """What writes, if anything is to: a process, which starts while the model is read."""
        if self.given is None:
            yield None
            return
        from lmgen.board import Writer

        with contextlib.closing(Writer()) as writer:
            writer.start(files.graph)
            yield writer

    def open(self, writer: "Writer | None", model: LanguageModel, many: bool) -> "Board | None":
        """Where softmaxes are written, if they are to be; `many` texts have a folder each."""
        if writer is None or self.given is None:
            return None
        from lmgen.board import Board

        return Board(writer, model, board_of(self.given), self.histograms, many)


BOARD = group(
    "board",
    lambda board, board_histograms: BoardChoice(board, board_histograms),
    click.option(
        "--board",
        is_flag=False,
        flag_value=DEFAULT_BOARD,
        metavar="[DIR]",
        help="Write each softmax for TensorBoard into DIR; without DIR, that is last or before another option, "
        "where serve-board looks.",
    ),
    click.option(
        "--board-histograms",
        is_flag=True,
        help="Write histograms of log-probabilities, gates and LSTM state too: slower.",
    ),
)


def board_of(given: str) -> Path:
    """The folder that --board or /board names."""
    return board_folder() if given == DEFAULT_BOARD else Path(given).expanduser()


def tell_board(board: "Board | None") -> None:
    """Say on stderr where the run is."""
    if board and board.run:
        click.echo(f"for TensorBoard: {board.run}", err=True)
