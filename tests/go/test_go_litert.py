"""The Go program's engine litert beside lmgen: the same files, the same library, the same words."""

import shutil
import subprocess
from pathlib import Path

import ai_edge_litert
import pytest

from lmgen.checkpoint.folder import open_folder
from lmgen.engines.litert_files import beside, cached

from conftest import ROOT
from go_program import CC, CGO, GO, built, one_line, started

pytestmark = pytest.mark.skipif(not (GO and CC), reason="Go and a C compiler are not both installed")
PACKAGE = Path(ai_edge_litert.__file__).parent
LIBRARY = PACKAGE / "libLiteRt.so"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return built(tmp_path_factory.mktemp("go") / "lmgen-go", "-tags", "litert", environment=CGO)


@pytest.fixture
def run(program):
    def run(*arguments, library=LIBRARY, **environment):
        given = ["--library", library] if library else []
        return started([program, *arguments, "--engine", "litert", *given], **environment)

    return run


@pytest.fixture
def folder(writer_folder, tmp_path):
    """The tiny model with its converted files, to damage."""
    return shutil.copytree(writer_folder, tmp_path / "model")


def test_the_same_seed_writes_the_same_words(run, lmgen):
    """Two seeds of the default model, fifteen texts side by side."""
    for seed in (0, 7):
        arguments = ("complete", "The president said", "--seed", seed, "-n", 15, "-t", 1, "-p", 1, "-m", "mini")
        its = run(*arguments[:-1], ROOT / "models" / "mini")

        assert (its.err, its.exit_code) == ("", 0)
        assert its.out == lmgen(*arguments, "--precision", "fast").out


def test_its_scores_are_lmgens(run, lmgen, writer_folder):
    arguments = ("surprisal", "--text", "The cat sat.\nA zyxwvut was there!", "--columns", "token,rank,logprob")
    its = run(*arguments, "-m", writer_folder)

    assert its.exit_code == 0, its.err
    assert its.out == lmgen(*arguments, "--precision", "fast", "-m", writer_folder).out


def test_files_in_the_cache_are_found(run, folder, monkeypatch, tmp_path):
    wanted = run("complete", "The", "--seed", 1, "-m", folder).out
    place = cached(open_folder(folder), "fast")
    place.parent.mkdir(parents=True)
    (folder / "litert-fast").rename(place)

    assert run("complete", "The", "--seed", 1, "-m", folder).out == wanted != ""


def test_goroutines_that_share_a_model_write_what_each_writes_alone(writer_folder):
    environment = {**CGO, "LMGEN_TEST_MODEL": str(writer_folder), "LMGEN_LITERT": str(LIBRARY)}
    environment["GOFLAGS"] = ""  # with -trimpath Go's cache gives vet the paths of a clone that may be gone

    subprocess.run([GO, "vet", "-tags", "litert", "./..."], cwd=ROOT / "go", env=environment, check=True)
    subprocess.run([GO, "test", "-tags", "litert", "./lm"], cwd=ROOT / "go", env=environment, check=True)


def test_the_library_is_found_in_the_active_environment(run, folder, tmp_path):
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "ai_edge_litert").symlink_to(PACKAGE)

    assert (
        run("complete", "The", "-m", folder, library=None, PATH="", VIRTUAL_ENV=str(tmp_path / "venv")).exit_code == 0
    )


def test_a_library_that_cannot_be_used_is_named_in_a_line(run, folder, tmp_path):
    other = tmp_path / "ai_edge_litert"
    other.mkdir()
    shutil.copy(LIBRARY, other)
    (other / "__init__.py").write_text('__version__ = "3.0.1"\n')
    (tmp_path / "text.so").write_text("text")
    libc = next(Path("/").glob("lib*/*/libc.so.6"))

    arguments = ("complete", "The", "-m", folder)
    one_line(run(*arguments, library=None, PATH="", VIRTUAL_ENV=""), 99, "pip install ai-edge-litert")
    one_line(run(*arguments, library=tmp_path / "none.so"), 3, "there is no library")
    one_line(run(*arguments, library=other / LIBRARY.name), 99, "is LiteRT 3.0.1, this program knows 2.3")
    one_line(run(*arguments, library=tmp_path / "text.so"), 99, "is no library of LiteRT 2.3")
    one_line(run(*arguments, library=libc), 99, "it lacks LiteRtCreateEnvironment")


def test_a_program_built_without_it_says_how_to_build_it(folder, tmp_path):
    program = built(tmp_path / "lmgen-go")

    one_line(started([program, "complete", "The", "--engine", "litert", "-m", folder]), 99, "go build -tags litert")


def test_files_that_cannot_be_used_are_named_in_a_line(run, folder):
    converted, arguments = beside(open_folder(folder), "fast"), ("complete", "The", "-m", folder)
    one_line(run(*arguments, "--precision", "int8"), 2, "in the precision fast")
    memory = converted / "memory.tflite"
    memory.write_bytes(memory.read_bytes()[:-1])
    one_line(run(*arguments), 4, "memory.tflite is damaged")
    memory.unlink()
    one_line(run(*arguments), 4, "cannot read")
    (converted / "converted.toml").write_text("version = ")
    one_line(run(*arguments), 4, "converted.toml is damaged")
    shutil.rmtree(converted)
    one_line(run(*arguments), 3, "has no converted files: make them with `lmgen convert")


def test_files_of_another_checkpoint_are_not_used(run, folder):
    softmax = folder / "ckpt-softmax3"
    softmax.write_bytes(softmax.read_bytes() + b"\0")

    one_line(run("complete", "The", "-m", folder), 3, "has no converted files")
