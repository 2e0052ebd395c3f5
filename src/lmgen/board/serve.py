"""TensorBoard, started on a folder of runs; and which of them run."""

import argparse
import contextlib
import io
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from lmgen.board.address import EVENTS, VECTORS, newest
from lmgen.board.door import Door
from lmgen.errors import LmgenError, MissingError, UsageError
from lmgen.store import state_folder

KEPT = "scalars=10000,text=1000,images=1000,histograms=500"
"""How many values of a tag TensorBoard keeps: as many as anyone looks at."""
PATIENCE = 60.0
"""Seconds until TensorBoard must answer."""
READING = 10.0
"""Seconds that it may read runs before the address is printed, so that the page is not empty at first."""


def has_runs(folder: Path) -> bool:
    """Whether there is anything to show."""
    return any(folder.rglob(EVENTS)) or any(folder.rglob(VECTORS))


def start_board(folder: Path, host: str, port: int | None, reload: float) -> str:
    """Start TensorBoard on a folder, in a thread of this process; returns its address once it has read a run.

    `short_address` has the addresses of single runs.

    Args:
      port: 0 for any free one, None for 6006 or the next free one.
      reload: seconds between two looks for new runs.

    Raises MissingError for a folder that is not there or cannot be read, UsageError for a host or port that
    cannot be had.
    """
    _check(folder)
    with contextlib.redirect_stderr(io.StringIO()):  # it calls its data server experimental, as it has for years
        address = _launch(folder, host, port, reload)
    _wait_for(address)
    _wait_for_runs(address, folder)
    return address


@contextlib.contextmanager
def announced(folder: Path, root: str) -> Iterator[None]:
    """While it lasts, other commands of this user can find out that TensorBoard shows a folder at an address."""
    file = _notes() / f"{os.getpid()}.json"
    with contextlib.suppress(OSError):  # a convenience: without it nothing is amiss
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"folder": str(folder.resolve()), "root": root}))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink()


def running(folder: Path) -> str | None:
    """The address of a TensorBoard that `lmgen serve-board` runs on a folder; None where there is none."""
    for file in sorted(_notes().glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            os.kill(int(file.stem), 0)  # OSError: it has ended, however it did
            note = json.loads(file.read_text())
            if note["folder"] == str(folder.resolve()):
                return str(note["root"])
    return None


def _notes() -> Path:
    return state_folder() / "boards"


def _check(folder: Path) -> None:
    """Raise MissingError for a folder that is not there or cannot be read."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        raise MissingError(f"there is no folder {folder}: lmgen complete --board {folder} makes it") from None
    except OSError as error:
        raise MissingError(f"cannot read {folder}: {error.strerror}") from error


def _launch(folder: Path, host: str, port: int | None, reload: float) -> str:
    sys.modules["tensorboard.compat.notf"] = ModuleType("notf")  # its own way to do without TensorFlow
    from tensorboard import default, program

    def behind_a_door(application: Any, flags: argparse.Namespace) -> Any:
        return program.create_port_scanning_werkzeug_server(Door(application, folder, host), flags)

    board = program.TensorBoard(plugins=default.get_plugins(), server_class=behind_a_door)
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
    raise LmgenError(f"TensorBoard does not answer at {address}: try again, or another --port")


def _wait_for_runs(address: str, folder: Path) -> None:
    """Wait until the newest run, and the tab of vectors if there are any, can be seen; but not for long."""
    run, vectors = newest(folder), next(folder.rglob(VECTORS), None)
    until = time.monotonic() + READING
    while run and time.monotonic() < until:
        tabs, runs = _asked(f"{address}data/plugins_listing"), _asked(f"{address}data/runs")
        read = any(name == run or run == "." or name.startswith(f"{run}/") for name in runs)
        if read and (tabs["projector"]["enabled"] or not vectors):
            return
        time.sleep(0.1)


def _asked(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return json.load(answer)
