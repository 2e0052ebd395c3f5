"""The Go program's engine tensorflow: the graph as it is, by TensorFlow's C API, beside lmgen's session."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT
from go_program import (
    CC,
    ENVIRONMENT,
    GO,
    PACKAGE,
    TENSORFLOW,
    WITH_HEADERS,
    built,
    check_same_probabilities,
    check_same_words,
    one_line,
    started,
)

pytestmark = [
    pytest.mark.skipif(not (GO and CC), reason="Go and a C compiler are not both installed"),
    pytest.mark.usefixtures("one_session"),
]
MINI = ROOT / "models" / "mini"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return built(tmp_path_factory.mktemp("go") / "lmgen-go", "-tags", "tensorflow", environment=WITH_HEADERS)


@pytest.fixture
def run(program):
    def run(*arguments, library=TENSORFLOW, **environment):
        given = ["--library", library] if library else []
        return started([program, *arguments, "--engine", "tensorflow", *given], **environment)

    return run


@pytest.fixture
def folder(released_folder, tmp_path):
    """The released graph, scaled down, to damage."""
    return shutil.copytree(released_folder, tmp_path / "model")


@pytest.mark.parametrize("name", ["mini", "released"])
def test_the_same_seed_writes_the_same_words(run, released_folder, name):
    check_same_words(run, {"mini": MINI, "released": released_folder}[name])


@pytest.mark.parametrize("name", ["mini", "released"])
def test_probabilities_are_the_sessions_to_a_hundred_thousandth(run, lmgen, released_folder, name):
    check_same_probabilities(
        run, lmgen, {"mini": MINI, "released": released_folder}[name], "The cat sat.\nA zyxwvut was there, they said!"
    )


def test_texts_side_by_side_have_memories_of_their_own(run, released_folder):
    arguments = ("complete", "the cat", "-n", 4, "--seed", 2, "--max-words", 5, "-m", released_folder)
    together = run(*arguments)
    alone = run(*arguments[:2], "--seed", 2, "--max-words", 5, "-m", released_folder)

    assert (together.exit_code, together.err) == (0, "")
    assert together.out.startswith(alone.out)


def test_goroutines_that_share_a_model_write_what_each_writes_alone(released_folder):
    environment = {**WITH_HEADERS, "LMGEN_TEST_MODEL": str(released_folder), "LMGEN_TENSORFLOW": str(TENSORFLOW)}
    environment["GOFLAGS"] = ""  # with -trimpath Go's cache gives vet the paths of a clone that may be gone

    subprocess.run([GO, "vet", "-tags", "tensorflow", "./..."], cwd=ROOT / "go", env=environment, check=True)
    subprocess.run([GO, "test", "-tags", "tensorflow", "./lm"], cwd=ROOT / "go", env=environment, check=True)


@pytest.mark.parametrize("name", ["mini", "released"])
def test_the_text_of_a_graph_becomes_what_protobuf_makes_of_it(released_folder, tmp_path, name):
    from tensorflow.core.framework.graph_pb2 import GraphDef

    from lmgen.checkpoint import read_graph

    (path,) = {"mini": MINI, "released": released_folder}[name].glob("graph-*.pbtxt")
    shutil.copytree(ROOT / "go" / "internal" / "graphdef", tmp_path / "graphdef")
    (tmp_path / "go.mod").write_text("module example\n\ngo 1.19\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport (\n"example/graphdef"\n"io"\n"os"\n)\n\nfunc main() {\ntext, _ := io.ReadAll(os.Stdin)\n'
        "made, err := graphdef.Binary(text)\nif err != nil {\npanic(err)\n}\nos.Stdout.Write(made)\n}\n"
    )
    command = [GO, "run", "."]
    made = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, input=path.read_bytes(), capture_output=True, check=True
    )

    assert GraphDef.FromString(made.stdout) == GraphDef.FromString(read_graph(path).SerializeToString())


def test_the_library_is_found_in_the_active_environment(run, folder, tmp_path):
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "tensorflow").symlink_to(PACKAGE)

    assert run("next", "the", "-m", folder, library=None, PATH="", VIRTUAL_ENV=tmp_path / "venv").exit_code == 0
    assert run("next", "the", "-m", folder, library=None, PATH="", LMGEN_TENSORFLOW=TENSORFLOW).exit_code == 0


def test_a_library_that_cannot_be_used_is_named_in_a_line(run, folder, tmp_path):
    (tmp_path / "text.so").write_text("text")
    libc = next(Path("/").glob("lib*/*/libc.so.6"))

    arguments = ("complete", "The", "-m", folder)
    one_line(run(*arguments, library=None, PATH="", VIRTUAL_ENV=""), 99, "pip install tensorflow")
    one_line(run(*arguments, library=tmp_path / "none.so"), 3, "there is no library")
    one_line(run(*arguments, library=tmp_path / "text.so"), 99, "text.so is no library of TensorFlow")
    one_line(run(*arguments, library=libc), 99, "it lacks TF_")
    one_line(run(*arguments, "--precision", "int8"), 2, "in float32")


def test_a_program_built_without_it_says_how_to_build_it(folder, tmp_path):
    program = built(tmp_path / "lmgen-go")

    one_line(started([program, "next", "the", "--engine", "tensorflow", "-m", folder]), 99, "go build -tags tensorflow")


def edited(old, new):
    def edit(folder):
        (path,) = folder.glob("graph-*.pbtxt")
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def cut(folder):
    path = folder / "ckpt-softmax3"
    path.write_bytes(path.read_bytes()[:-20])


def changed(folder):
    path = folder / "ckpt-lstm"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 64
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "exit_code", "message"),
    [
        (lambda folder: (folder / "ckpt-softmax5").unlink(), 3, "it lacks ckpt-softmax5"),
        (cut, 4, "cannot restore the checkpoint"),
        (changed, 4, "cannot restore the checkpoint"),
        (edited('name: "feature_soft"', 'name: "other"'), 4, "pbtxt: "),
        (edited("node {", "nodes {"), 4, 'line 1: there is "nodes" where a graph has no such thing'),
        (edited('op: "BiasAdd"', 'op: "BiasSum"'), 4, "BiasSum"),
        (edited('string_val: "softmax/b"', 'string_val: "softmax/c"'), 4, "cannot restore the checkpoint"),
        (edited('"lstm/lstm_0/concat_2"', '"lstm/lstm_0/concat_3"'), 4, "it has no operation lstm/lstm_0/concat_2"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(run, folder, damage, exit_code, message):
    damage(folder)

    one_line(run("next", "the", "-m", folder), exit_code, message)


def test_a_folder_may_have_the_marks_of_a_pattern_in_its_name(run, folder):
    other = folder.rename(folder.with_name(r"a[1]*?\model"))

    assert run("next", "the", "-m", other).exit_code == 0
