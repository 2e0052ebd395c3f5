"""TensorBoard, started on a folder of runs."""

import contextlib
import io
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType

from lmgen.errors import LmgenError, MissingError, UsageError

KEPT = "scalars=10000,text=1000,images=100,histograms=500"
"""How many values of a tag TensorBoard keeps: as many as anyone looks at."""
PATIENCE = 60.0
"""Seconds until TensorBoard must answer."""


def has_runs(folder: Path) -> bool:
    """Whether there is anything to show."""
    return any(folder.rglob("*tfevents*")) or any(folder.rglob("projector_config.pbtxt"))


def start_board(folder: Path, host: str, port: int | None, reload: float) -> str:
    """Start TensorBoard on a folder, in a thread of this process; returns its address once it answers.

    Args:
      port: 0 for any free one, None for 6006 or the next free one.
      reload: seconds between two looks for new runs.

    Raises MissingError for a folder that is not there, UsageError for a host or port that cannot be had.
    """
    if not folder.is_dir():
        raise MissingError(f"there is no folder {folder}: lmgen complete --board {folder} makes it")
    with contextlib.redirect_stderr(io.StringIO()):  # it calls its data server experimental, as it has for years
        address = _launch(folder, host, port, reload)
    _wait_for(address)
    return address


def _launch(folder: Path, host: str, port: int | None, reload: float) -> str:
    sys.modules["tensorboard.compat.notf"] = ModuleType("notf")  # its own way to do without TensorFlow
    from tensorboard import default, program

    board = program.TensorBoard(plugins=default.get_plugins())
    asked = () if port is None else ("--port", str(port))
    where = ("tensorboard", "--logdir", str(folder), "--host", host, *asked)
    board.configure((*where, "--reload_interval", str(reload), "--samples_per_plugin", KEPT))
    try:
        return board.launch()
    except program.TensorBoardPortInUseError as error:
        raise UsageError(f"port {port} is in use: choose another, or leave --port out") from error
    except program.TensorBoardServerException as error:
        raise UsageError(f"TensorBoard cannot start: {error.msg}") from error
    except SystemExit as error:  # how its web server takes a host that is not this machine's
        raise UsageError(f"TensorBoard cannot listen at {host}: try --host 127.0.0.1") from error


def _wait_for(address: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE):
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise LmgenError(f"TensorBoard does not answer at {address}")
