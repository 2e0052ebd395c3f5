"""Tiny models to test on, the default model, and a way to run the command line."""

import contextlib
import functools
import gzip
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
RELEASED_GRAPH = SHARED / "lm1b" / "released-graph-gpu.pbtxt"
"""The whole graph, which is not in the repository."""
SCALED_GRAPH = ROOT / "tests" / "data" / "graph-2016-09-10.pbtxt.gz"
"""The same at the size of the tiny model; see tests/data/README.md."""

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="apt install chromium chromium-driver")

Result = namedtuple("Result", "exit_code out err")


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="rewrite tests/golden instead of comparing with it")


@pytest.fixture
def golden(request):
    """Compare a text with a file of tests/golden, or write it there."""

    def check(name, text):
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--golden"):
            path.write_text(text)
        assert path.read_text() == text

    return check


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No setting of the developer's reaches a test, and no test reaches the developer's files."""
    for name in [name for name in os.environ if name.startswith("LMGEN_")]:
        monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMGEN_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def models_stay_as_they_are(monkeypatch):
    """Tests share models: what would be converted at its first use is not."""
    monkeypatch.setattr("lmgen.export.once.SMALL", 0)


@pytest.fixture(scope="session")
def tiny_shape():
    from lmgen.checkpoint.shape import Shape

    return Shape(filters=(2, 2, 2, 2, 4, 4, 8, 8), projection=16, cells=24, rows=40)


@pytest.fixture(scope="session")
def tiny_words():
    return ["</S>", "<S>", "<UNK>", "the", "cat", "sat", "voilà", "\ufffd", "£", *(f"word{n}" for n in range(24))]


@pytest.fixture(scope="session")
def tiny_weights(tiny_shape):
    return random_weights(tiny_shape)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory, tiny_shape, tiny_words, tiny_weights):
    """A random model that lmgen wrote in the released layout. No test may change it."""
    folder = write_tiny(tmp_path_factory.mktemp("tiny"), tiny_shape, tiny_words, tiny_weights)
    names = sorted(path.name for path in folder.iterdir())
    yield folder
    assert sorted(path.name for path in folder.iterdir()) == names, "a test changed what all tests share: copy it"


def write_tiny(folder, shape, words, weights):
    """A model of given weights in the released layout."""
    from lmgen.checkpoint.manifest import Manifest
    from lmgen.checkpoint.writer import write_model
    from lmgen.text.vocabulary import Vocabulary

    manifest = Manifest("tiny", "A random model.", "CC0-1.0", shape, len(words), context="sentence")
    write_model(folder, manifest, Vocabulary(words), weights, step=7)
    return folder


@pytest.fixture(scope="session")
def all_converted_folder(tiny_folder, tmp_path_factory):
    """The tiny model with converted files of every precision."""
    from lmgen.checkpoint.folder import open_folder
    from lmgen.engines.litert_files import PRECISIONS, beside
    from lmgen.export.litert import convert

    files = open_folder(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("all") / "tiny"))
    for precision in PRECISIONS:
        list(convert(files, beside(files, precision), precision))
    return files.folder


@pytest.fixture(scope="session")
def writer_folder(tiny_folder, tmp_path_factory):
    """The tiny model with the files that `complete` would make of it first."""
    from lmgen.checkpoint.folder import open_folder
    from lmgen.engines.litert_files import beside
    from lmgen.export.litert import convert

    files = open_folder(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("writer") / "tiny"))
    list(convert(files, beside(files, "fast"), "fast"))
    return files.folder


@pytest.fixture(scope="session")
def mini_folder(tmp_path_factory):
    """The default model, in a folder that may get more converted files."""
    return shutil.copytree(ROOT / "models" / "mini", tmp_path_factory.mktemp("models") / "mini")


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory, tiny_shape, tiny_words, tiny_weights):
    """The really released graph, its shape constants scaled down, with random shards."""
    from lmgen.checkpoint.writer import write_checkpoint
    from lmgen.text.vocabulary import Vocabulary

    folder = tmp_path_factory.mktemp("released")
    (folder / "graph-2016-09-10.pbtxt").write_bytes(gzip.decompress(SCALED_GRAPH.read_bytes()))
    Vocabulary(tiny_words).save(folder / "vocab-2016-09-10.txt")
    write_checkpoint(folder, tiny_weights, step=14108582)
    return folder


def random_weights(shape, seed=0):
    from lmgen.checkpoint.shape import weight_shapes

    rng = np.random.default_rng(seed)
    sizes = weight_shapes(shape).items()
    return {name: (rng.normal(size=size) * 0.3).astype(np.float32) for name, size in sizes}


def load(model, engine="auto", precision="float32", **options):
    """A model by its name or folder."""
    from lmgen import engines
    from lmgen.store import find

    return engines.load(find(str(model)), engines.EngineOptions(engine, precision, **options))


@pytest.fixture(scope="module")
def sessions():
    """Opens a session of each model once."""
    from lmgen.engines import loading

    return functools.cache(loading._session)


@pytest.fixture
def one_session(sessions, monkeypatch):
    """Commands share TensorFlow's session: to open it takes a second."""
    monkeypatch.setattr("lmgen.engines.loading._session", sessions)


@pytest.fixture(scope="session")
def tiny_model(tiny_folder):
    return load(tiny_folder)


PROVOKED = "ZeroDivisionError: division by zero"
"""The one internal error that a test provokes: any other is a defect."""


@pytest.fixture
def lmgen(capfd):
    """Run a command line in this process."""
    from lmgen.cli import main

    def run(*arguments):
        capfd.readouterr()
        exit_code = main([str(argument) for argument in arguments])
        result = Result(exit_code, *capfd.readouterr())
        assert PROVOKED in result.err or "internal error" not in result.err, result.err
        return result

    return run


_started = []


def start_lmgen(*arguments, **options):
    """Start a command line in a process of its own, which does not outlive the test."""
    command = [sys.executable, "-m", "lmgen", *map(str, arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    process = subprocess.Popen(command, **pipes)
    _started.append(process)
    return process


def serving_board(*arguments):
    """`lmgen serve-board` on a free port: the address of its root, and its process."""
    return _serving("serve-board", *arguments)


def serving(*arguments, **options):
    """`lmgen serve` on a free port: its address and its process."""
    return _serving("serve", *arguments, **options)


@contextlib.contextmanager
def _serving(*arguments, **options):
    process = start_lmgen(*arguments, "--port", 0, **options)
    _started.remove(process)  # it may serve many tests
    try:
        address = process.stdout.readline().decode().strip()
        assert address, process.stderr and process.stderr.read().decode()
        yield address.removesuffix("newest"), process
        process.send_signal(signal.SIGINT)
        process.wait(30)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,2000"):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options, Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(autouse=True)
def leave_no_process():
    """Kill what a failed test left running."""
    yield
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()
