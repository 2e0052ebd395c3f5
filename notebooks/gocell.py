"""`%%go` makes a notebook's cell a Go program, built with the module of this repository.

`%load_ext gocell` loads it. The program runs where the notebook does, with the words after `%%go` as its arguments; what the
compiler or the program says against it is the cell's error. Go itself must be installed.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

MODULE = "lmgen.dev/go"
SOURCE = Path(os.environ.get("LMGEN_GO") or Path(__file__).resolve().parent.parent / "go")
"""Where its source is."""


class GoError(Exception):
    """A program that does not compile, or that failed."""

    def _render_traceback_(self) -> list[str]:
        """Only what Go said is of use in a notebook."""
        return str(self).splitlines()


def go(line: str, cell: str) -> None:
    """Build and run the program in a cell."""
    if not shutil.which("go"):
        raise GoError("Go is not installed: go.dev/dl, or apt install golang-go")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.go").write_text(cell, "utf-8")
        module = f"module cell\n\ngo 1.19\n\nrequire {MODULE} v0.0.0\n\nreplace {MODULE} => {SOURCE}\n"
        (Path(folder) / "go.mod").write_text(module, "utf-8")
        _run(["go", "build", "-o", "cell", "."], folder)
        _run([str(Path(folder) / "cell"), *shlex.split(line)])


def _run(command: list[str], folder: str | None = None) -> None:
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout, end="")  # noqa: T201 (what the cell shows)
    if done.returncode:
        raise GoError(done.stderr.strip() or f"the program ended with exit code {done.returncode}")


def load_ipython_extension(shell) -> None:
    shell.register_magic_function(go, "cell")
