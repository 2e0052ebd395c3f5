import signal
import subprocess
import sys
import time

import pytest

from conftest import start_lmgen


def test_export_prints_the_new_folder_named_after_model_and_format(lmgen, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = tiny_folder.name

    assert lmgen("export", tiny_folder) == (0, f"{name}-onnx\n", "")
    assert lmgen("export", tiny_folder, "--format", "graphdef", "-o", "mine") == (0, "mine\n", "")
    assert (tmp_path / f"{name}-onnx" / "model.onnx").is_file()
    assert (tmp_path / "mine" / "graph.pb").is_file()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["-o", "taken"], 2, "taken is there already: remove it, or give -o another name"),
        (["-o", "taken/file"], 2, "taken/file is there already"),
        (["-o", ""], 2, "--output is empty: give it a value"),
        (["-o", "none/new"], 3, "cannot write none/new: No such file or directory"),
        (["--format", "graphdef", "--precision", "int8"], 2, "graphdef is written in float32 alone"),
    ],
)
def test_what_export_cannot_do_is_one_line_and_changes_nothing(
    lmgen, tiny_folder, tmp_path, monkeypatch, arguments, exit_code, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")

    result = lmgen("export", tiny_folder, *arguments)

    assert (result.exit_code, result.out, len(result.err.splitlines())) == (exit_code, "", 1)
    assert message in result.err
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["taken"]


def test_an_interrupted_export_leaves_nothing(tiny_folder, tmp_path):
    process = start_lmgen("export", "mini", "--format", "savedmodel", "-o", tmp_path / "new")
    while not list(tmp_path.glob(".new.*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 128 + signal.SIGTERM
    assert b"lmgen: stopped" in process.stderr.read()
    assert not list(tmp_path.glob("*new*"))


@pytest.mark.parametrize("form", ["onnx", "savedmodel", "litert-web"])
def test_what_the_disk_refuses_is_one_line(tmp_path, form):
    """A limit on the size of files stands for a full disk: both are refused at a write."""
    code = (
        "import resource, signal, sys; from lmgen.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY)); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "export", "mini", "--format", form, "-o", str(tmp_path / "new")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (3, f"lmgen: cannot write {tmp_path / 'new'}: File too large\n")
    assert not list(tmp_path.glob("*new*"))
