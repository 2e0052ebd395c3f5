import shutil
import subprocess
import sys

import pytest


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


def test_the_default_model_writes_without_tensorflow():
    code = "import sys; from lmgen.cli import main; main(['complete', 'The', '--max-words', '3']); "
    code += "sys.exit('tensorflow' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_the_placement_is_the_session_s_even_where_converted_files_are(lmgen, copy):
    lmgen("convert", copy)

    assert "char_embedding" in lmgen("complete", "the", "-m", copy, "--log-placement").err
