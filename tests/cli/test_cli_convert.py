import io
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lmgen.store.home import home


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def test_convert_prints_the_folder_and_leaves_what_fits(lmgen, copy):
    first = lmgen("convert", copy)
    made = (copy / "litert-fast" / "vectors.tflite").stat().st_mtime_ns
    second = lmgen("convert", copy)

    assert first == second == (0, f"{copy / 'litert-fast'}\n", "")
    assert (copy / "litert-fast" / "vectors.tflite").stat().st_mtime_ns == made


def test_convert_mends_what_is_damaged(lmgen, copy):
    lmgen("convert", copy)
    (copy / "litert-fast" / "memory.tflite").write_bytes(b"cut")
    refused = lmgen("complete", "the", "-m", copy)

    assert refused.exit_code == 4
    assert "memory.tflite is damaged" in refused.err
    assert lmgen("convert", copy).exit_code == 0
    assert lmgen("complete", "the", "-m", copy).exit_code == 0


def test_a_model_without_converted_files_names_the_command(lmgen, copy):
    result = lmgen("complete", "the", "-m", copy, "--engine", "litert")

    assert result.exit_code == 3
    assert f"lmgen convert {copy} --precision fast" in result.err


@pytest.mark.parametrize("command", [("complete", "the"), ("repl",)])
def test_a_model_that_is_to_write_is_converted_first_and_once(lmgen, copy, command, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the\n")))
    first = lmgen(*command, "-m", copy, "--seed", 1)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the\n")))
    second = lmgen(*command, "-m", copy, "--seed", 1)

    assert (
        first.err
        == f"{copy.name} is converted for the fast engine, this once (0.1 MB; --engine session does without)\n"
    )
    assert (copy / "litert-fast" / "memory.tflite").exists()
    assert second == (0, first.out, "")


@pytest.mark.parametrize(
    "arguments",
    [("complete", "--engine", "session"), ("complete", "--device", "cpu:0"), ("surprisal", "--text", "the")],
)
def test_nothing_is_converted_where_litert_is_not_to_run(lmgen, copy, arguments):
    result = lmgen(*arguments, "-m", copy)

    assert (result.exit_code, result.err) == (0, "")
    assert not (copy / "litert-fast").exists()


@pytest.mark.parametrize("lack", ["rights", "room"])
def test_where_nothing_can_be_written_the_session_goes_on(lmgen, copy, monkeypatch, lack):
    if lack == "rights":
        monkeypatch.setenv("LMGEN_HOME", "/dev/null/none")
    else:
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    result = lmgen("complete", "the", "-m", copy, "--seed", 1)
    converting = lmgen("convert", copy)

    told = {"rights": "cannot write", "room": "make room"}[lack]
    assert result.exit_code == 0
    assert result.out == lmgen("complete", "the", "-m", copy, "--seed", 1, "--engine", "session").out
    _, line = result.err.splitlines()
    assert line.startswith("it was not converted, and TensorFlow runs it: ")
    assert told in line
    assert converting.exit_code == 5
    assert told in converting.err


def test_a_folder_that_cannot_be_written_to_leaves_its_files_in_the_cache(lmgen, copy, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)

    result = lmgen("convert", copy)

    assert result.exit_code == 0
    assert Path(result.out.strip()).parent == home() / "converted"
    assert lmgen("complete", "the", "-m", copy).err == ""


def test_vectors_of_frequent_words_can_be_computed_at_once(lmgen, copy, monkeypatch):
    monkeypatch.setattr("lmgen.engines.litert.LEAST_BYTES", 0)
    lmgen("convert", copy)
    [kept] = home().glob("packed/*/words.vectors")
    before = kept.stat().st_size

    assert lmgen("convert", copy, "--embeddings", 10) == (0, f"{copy / 'litert-fast'}\n", "")
    assert (before, kept.stat().st_size) == (0, 10 * 4 * (1 + 16))


def test_the_default_model_writes_without_tensorflow():
    code = "import sys; from lmgen.cli import main; main(['complete', 'The', '--max-words', '3']); "
    code += "sys.exit('tensorflow' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_the_placement_is_the_session_s_even_where_converted_files_are(lmgen, copy):
    lmgen("convert", copy)

    assert "char_embedding" in lmgen("complete", "the", "-m", copy, "--log-placement").err


def test_files_that_are_there_are_looked_for_once(lmgen, all_converted_folder, monkeypatch):
    from lmgen.engines import loading

    asked, find_converted = [], loading.find_converted
    monkeypatch.setattr(loading, "find_converted", lambda *which: asked.append(which) or find_converted(*which))

    assert lmgen("complete", "the", "-m", all_converted_folder).exit_code == 0
    assert len(asked) == 1
