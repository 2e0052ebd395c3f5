"""Commands that are ended or hindered: what was made is kept, one line says what happened. benchmarks/interrupt.py tries more."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from interruption import WAYS, Command, trial, unhindered

from conftest import start_lmgen

TEXT = "the cat sat .\n" * 2000


@pytest.fixture(scope="module")
def scoring(all_converted_folder, tmp_path_factory):
    """A command that writes a row for every token, and what it does unhindered."""
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text(TEXT)
    command = Command(("surprisal", str(text), "-m", str(all_converted_folder), "-o", "OUT"), growing=True)
    return command, unhindered(command)


@pytest.mark.parametrize("way", WAYS)
def test_what_was_made_is_kept_and_one_line_says_so(scoring, way):
    command, whole = scoring

    assert trial(command, way, whole, seed=7) is None


@pytest.mark.parametrize(
    ("command", "size"),
    [("board-vectors OUT", 1 << 10), ("predictions TEXT -o OUT", 1 << 10), ("predictions TEXT -o OUT", 1 << 13)],
)
def test_a_disk_that_fills_up_is_one_line_for_files_of_libraries_too(all_converted_folder, tmp_path, command, size):
    (tmp_path / "text").write_text(TEXT[:2000])
    arguments = command.replace("OUT", str(tmp_path / "out")).replace("TEXT", str(tmp_path / "text")).split()
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}
    process = start_lmgen(*arguments, "-m", all_converted_folder, **limited)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 3, err
    assert err.startswith(b"lmgen: cannot write")
    assert err.count(b"\n") == 1


def test_ctrl_c_again_and_again_changes_nothing(scoring, tmp_path):
    command, whole = scoring
    folder = tmp_path / "folder"
    folder.mkdir()
    out = folder / "out"
    process = start_lmgen(*(argument.replace("OUT", str(out)) for argument in command.arguments))
    while not any(path.stat().st_size for path in folder.iterdir()):
        assert process.poll() is None
    for _ in range(50):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, b"lmgen: stopped\n")
    assert [path.name for path in folder.iterdir()] == ["out"]
    assert whole.content.startswith(out.read_bytes())


def test_a_program_without_stderr_loads_a_model(all_converted_folder):
    code = f"import sys; sys.stderr = None; import lmgen; print(len(lmgen.load({str(all_converted_folder)!r}).surprisal('the')))"
    for close in (None, lambda: os.close(2)):
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, preexec_fn=close, check=False)
        assert (done.returncode, done.stdout) == (0, b"2\n")


@pytest.mark.parametrize("name", ["x" * 300, "nul\0", "folder/" + "x" * 300])
def test_a_name_that_cannot_be_is_one_line(lmgen, all_converted_folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for arguments in (("surprisal", name), ("surprisal", "--text", "the", "-o", name), ("complete", "-f", name)):
        result = lmgen(*arguments, "-m", all_converted_folder)
        assert result.exit_code in (2, 3)
        assert result.err.startswith("lmgen: ")
        assert result.err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"folder", "home"}


def test_a_file_that_the_shell_opened_is_read_and_written(all_converted_folder, tmp_path):
    """As of `<(...)` and `>(...)`: /dev/fd/N."""
    (tmp_path / "text").write_text("the cat\n")
    with open(tmp_path / "text") as given, open(tmp_path / "out", "w") as out:
        names = (f"/dev/fd/{given.fileno()}", "-o", f"/dev/fd/{out.fileno()}")
        process = start_lmgen("surprisal", *names, "-m", all_converted_folder, pass_fds=(given.fileno(), out.fileno()))
        assert process.wait(60) == 0

    plain = start_lmgen("surprisal", tmp_path / "text", "-m", all_converted_folder).communicate(timeout=60)[0]
    assert (tmp_path / "out").read_bytes() == plain


LACKING = """
import builtins, os, sys
for name in ("memfd_create", "posix_fallocate", "posix_fadvise", "sched_getaffinity", "pipe2"):
    if hasattr(os, name): delattr(os, name)
opened = builtins.open
def without_proc(file, *arguments, **options):
    if str(file).startswith("/proc/"): raise FileNotFoundError(2, "No such file or directory", str(file))
    return opened(file, *arguments, **options)
builtins.open = without_proc
import io, pathlib
io.open = without_proc
sys.argv = sys.argv[1:]
from lmgen.cli import run
run()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("complete", "the", "--seed", "1", "--board", "runs"),
        ("complete", "the", "--seed", "1", "--precision", "exact"),
        ("surprisal", "--text", "the cat"),
        ("version",),
    ],
)
def test_calls_that_only_linux_has_are_not_needed(lmgen, all_converted_folder, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    model = () if arguments == ("version",) else ("-m", str(all_converted_folder))
    command = [sys.executable, "-c", LACKING, "lmgen", *arguments, *model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    if model:
        assert done.stdout == lmgen(*arguments, *model).out
