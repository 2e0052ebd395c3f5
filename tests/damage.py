"""Files damaged in every way a disk, a network or a person can, and what a command makes of them."""

import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

SECONDS = 60
"""A command that takes longer hangs."""
REFUSALS = {2, 3, 4, 5, 6}


def flip(data, rng):
    """One bit."""
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def cut(data, rng):
    """The end is lost."""
    return data[: rng.randrange(len(data))]


def zeros(data, rng):
    """A block of the disk was never written."""
    place = rng.randrange(len(data)) // 512 * 512
    return data[:place] + bytes(len(data[place : place + 4096])) + data[place + 4096 :]


WAYS = (flip, cut, zeros)


def damage(folder, pattern, way, seed):
    """Damage one file of those that match; returns its name."""
    rng = random.Random(seed)
    path = rng.choice(sorted(path for path in folder.glob(pattern) if path.stat().st_size))
    path.write_bytes(way(path.read_bytes(), rng))
    return path.name


def outcome(arguments):
    """(exit code or minus the signal, stdout, stderr) of a command in a forked process."""
    with tempfile.TemporaryDirectory() as place:
        child = os.fork()
        if not child:
            _run(Path(place), arguments)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, *((Path(place) / name).read_text(errors="replace") for name in ("out", "err"))


def _run(place, arguments):
    signal.alarm(SECONDS)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    code = 1
    try:
        from lmgen.cli import main

        code = main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def complaint(expected, found):
    """What is wrong with an outcome: it must be a refusal in one line, or the same output as before the damage."""
    code, out, err = found
    lines = err.splitlines()
    if code == 0:
        return "" if out == expected else f"other output: {out!r}"
    if code not in REFUSALS or "internal error" in err or "Traceback" in err:
        return f"exit code {code}: {err!r}"
    return "" if sum(line.startswith("lmgen: ") for line in lines) == 1 else f"not one line: {err!r}"


def trial(folder, work, what, seed):
    """A complaint about one damage, or nothing; `what` is (command, pattern, way), see `tried`."""
    return tried(folder, work, what, seed)[1]


def tried(folder, work, what, seed):
    """What came of one damage, `refused`, `harmless` or `wrong`, and a complaint about it, or nothing.

    `what` is (command, pattern, way): WORK in the command is the damaged copy of the folder.
    """
    command, pattern, way = what
    arguments = [part.replace("WORK", str(work)) for part in command]
    _copy(folder, work)
    expected = outcome(arguments)
    assert expected[0] == 0, expected
    _copy(folder, work)
    name = damage(work, pattern, way, seed)
    found = outcome(arguments)
    problem = complaint(expected[1], found)
    told = problem and f"{' '.join(command)}: {way.__name__} {seed} in {name}: {problem}"
    return "wrong" if problem else "refused" if found[0] else "harmless", told


def _copy(folder, work):
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder, work)
