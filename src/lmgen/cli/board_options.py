"""Options of what is written for TensorBoard."""

import contextlib
import os
import shlex
import signal
import time
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.options import group
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.store import board_folder

if TYPE_CHECKING:
    from lmgen.board import Board, Writer

LOOK = 0.1
"""Seconds between two looks for a signal."""
DEFAULT_BOARD = "default"
"""What --board without a folder is read as."""


@dataclass(frozen=True)
class BoardChoice:
    """Whether softmaxes are written for TensorBoard, and where."""

    given: str | None
    """What --board was given; None without it."""
    histograms: bool
    shown: bool
    """Whether TensorBoard is to be started on it afterwards."""

    def __post_init__(self) -> None:
        if self.shown and self.given is None:
            raise UsageError("--open shows what --board writes: give --board too")

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
    lambda board, board_histograms, open_board: BoardChoice(board, board_histograms, open_board),
    click.option(
        "--board",
        is_flag=False,
        flag_value=DEFAULT_BOARD,
        metavar="[DIR]",
        help="Write each softmax for TensorBoard into DIR; without DIR, that is last or before another option, "
        "where serve-board looks.",
    ),
    click.option("--open", "open_board", is_flag=True, help="Then show it in a browser, by TensorBoard, until Ctrl-C."),
    click.option(
        "--board-histograms",
        is_flag=True,
        help="Write histograms of log-probabilities, gates and LSTM state too: slower.",
    ),
)


def board_of(given: str) -> Path:
    """The folder that --board or /board names."""
    return board_folder() if given == DEFAULT_BOARD else Path(given).expanduser()


def open_board(choice: BoardChoice) -> None:
    """Show the newest run in a browser, if that was asked for: by a TensorBoard that runs already, or by a new one."""
    if not choice.shown or choice.given is None:
        return
    from lmgen.board import running, short_address

    folder = board_of(choice.given)
    if root := running(folder):
        webbrowser.open(short_address(root))
    else:
        show_board(folder, Listening(), open_browser=True)


def tell_board(board: "Board | None") -> None:
    """Say on stderr where the run is, and at what address or by which command it can be seen."""
    if board and board.run:
        from lmgen.board import running, short_address

        root = running(board.run.parent)
        how = short_address(root, board.run.name) if root else shlex.join(["lmgen", "serve-board", *_named(board)])
        click.echo(f"for TensorBoard: {board.run} ({how})", err=True)


def _named(board: "Board") -> list[str]:
    """What serve-board is to be given."""
    folder = board.run.parent if board.run else board_folder()
    return [] if folder == board_folder() else [str(folder)]


@dataclass(frozen=True)
class Listening:
    """Where and how TensorBoard listens."""

    host: str = "127.0.0.1"
    port: int | None = None
    """0 for any free one, None for 6006 or the next free one."""
    reload: float = 5
    """Seconds between two looks for new runs."""


def show_board(folder: Path, listening: Listening, open_browser: bool) -> NoReturn:
    """Start TensorBoard on a folder, print the address of its newest run, and stay until a signal ends it."""
    from lmgen.board import LOCAL, announced, has_runs, short_address, start_board

    host = listening.host
    root = start_board(folder, host, listening.port, listening.reload)
    if host not in LOCAL:
        click.echo(f"warning: anyone who reaches {host} can read the runs in {folder}", err=True)
    if not has_runs(folder):
        click.echo(f'{folder} has no runs yet: lmgen complete --board {folder} "The old man" makes one', err=True)
    address = short_address(root)
    with announced(folder, root):
        click.echo(address)
        if open_browser:
            webbrowser.open(address)
        number = _signal()
    with contextlib.suppress(OSError):
        click.echo("lmgen: stopped", err=True)
    os._exit(128 + number)  # what TensorBoard has running still is not to be waited for


def _signal() -> int:
    """Wait for one that asks to end; further ones change nothing."""
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has one of them ignored
            signal.signal(number, lambda number, _: came.append(number))
    while not came:  # another thread may be given it: this one has to look
        time.sleep(LOOK)
    return came[0]
