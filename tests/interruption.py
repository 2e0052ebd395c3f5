"""Commands that write, ended or hindered at any moment, and what is left of them."""

import gzip
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60
"""Seconds after which a command that was asked to end hangs."""
STARTING = 0.4
"""Seconds in which Python itself starts, as a rule: what a signal does meanwhile is not lmgen's."""
SIGNALS = {
    "Ctrl-C": (signal.SIGINT,),
    "Ctrl-C twice": (signal.SIGINT, signal.SIGINT),
    "SIGTERM": (signal.SIGTERM,),
    "SIGTERM, Ctrl-C": (signal.SIGTERM, signal.SIGINT),
    "SIGHUP": (signal.SIGHUP,),
}
WITHIN = (".hdf5", ".parquet")
"""Files whose beginning is a whole file of fewer rows, with other bytes."""
WAYS = (*SIGNALS, "full disk", "closed stderr", "reader gone")


@dataclass(frozen=True)
class Command:
    """One that writes a file or a folder."""

    arguments: tuple[str, ...]
    """Of lmgen; OUT is what it writes."""
    growing: bool = False
    """What was made before an interruption is the beginning of the whole, and is kept."""
    name: str = "out"
    """Of what it writes."""
    origin: Path | None = None
    """A folder of which OUT is a copy before the command begins."""


@dataclass(frozen=True)
class Whole:
    """What a command does when nobody hinders it."""

    seconds: float
    content: bytes | None
    """Of the file it writes; None of a folder."""
    size: int


def run(command, folder, **options):
    """Start a command that writes into a folder."""
    out = str(folder / command.name)
    if command.origin:
        shutil.copytree(command.origin, out)
    arguments = [sys.executable, "-m", "lmgen", *(argument.replace("OUT", out) for argument in command.arguments)]
    options["env"] = {**os.environ, "LMGEN_HOME": str(folder / "out.home")}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(arguments, **pipes)


def unhindered(command):
    """Run a command to its end."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        process = run(command, Path(folder))
        _, err = process.communicate(timeout=10 * PATIENCE)
        assert process.returncode == 0, err.decode()
        out = Path(folder) / command.name
        given = (
            {out / path.relative_to(command.origin) for path in command.origin.rglob("*")} if command.origin else set()
        )
        written = [path for path in Path(folder).rglob("*") if path.is_file() and path not in given]
        content = _content(out) if out.is_file() and out.suffix not in WITHIN else None
        return Whole(time.monotonic() - began, content, max(path.stat().st_size for path in written))


def trial(command, way, whole, seed):
    """Hinder a command once; returns a complaint, or None."""
    with tempfile.TemporaryDirectory() as folder:
        complaint = _tried(command, way, whole, Path(folder), random.Random(seed))
    return complaint and f"{way}, seed {seed}: {complaint}"


def _tried(command, way, whole, folder, rng):
    if way in SIGNALS:
        code, err, allowed = _signalled(command, SIGNALS[way], rng.uniform(STARTING, whole.seconds * 1.05), folder)
    elif way == "full disk":
        limit = rng.randrange(whole.size)
        process = run(command, folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        code, err, allowed = *_ended(process), {3, 5}
    elif way == "closed stderr":
        process = run(command, folder, stderr=None, preexec_fn=lambda: os.close(2))
        code, err, allowed = *_ended(process), {0}
    else:
        read, write = os.pipe()
        process = run(command, folder, stdout=write)
        os.close(read)
        os.close(write)
        code, err, allowed = *_ended(process), {0}
    return _complaint(code, err, allowed) or _left(command, whole, folder, code)


def _signalled(command, numbers, delay, folder):
    process = run(command, folder, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    time.sleep(delay)
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.01)
    return *_ended(process), {0, *(128 + number for number in numbers)}


def _ended(process):
    """Exit code and stderr of a process; minus infinity if it does not end."""
    try:
        _, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return float("-inf"), (process.communicate()[1] or b"").decode()
    return process.returncode, (err or b"").decode()


def _complaint(code, err, allowed):
    if code not in allowed:
        return f"exit code {code}: {err[-600:]}"
    if any(sign in err for sign in ("Traceback", "internal error", "Exception ignored", "terminate called")):
        return f"not a word for users: {err[-900:]}"
    told = [line for line in err.splitlines() if line.startswith("lmgen: ")]
    return None if code == 0 or len(told) == 1 else f"{len(told)} lines say what happened: {err[-600:]}"


def _content(path):
    """What a file says: two compressed files of the same text differ by their times."""
    return gzip.decompress(path.read_bytes()) if ".gz" in path.suffixes else path.read_bytes()


def _left(command, whole, folder, code):
    """A complaint of what lies in the folder."""
    names = sorted(path.name for path in folder.iterdir())
    if not set(names) <= {"out.home", *(command.name + end for end in ("", ".partial", ".parts"))}:
        return f"exit code {code} leaves {names}"
    if whole.content is None:
        return None
    if code == 0 and _content(folder / command.name) != whole.content:
        return "exit code 0, and the file is not as it should be"
    for path in filter(Path.is_file, folder.iterdir()):
        content = _content(path)
        if command.growing and not whole.content.startswith(content):
            return f"{path.name} is no beginning of the whole"
        if not command.growing and content != whole.content and path.name == command.name:
            return "a part of a file has the name of the whole"
    return None
