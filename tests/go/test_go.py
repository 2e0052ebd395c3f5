"""The Go program beside lmgen: the same tokens, probabilities and words."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from lmgen.cli import main
from lmgen.text.tokenizer import detokenize, tokenize, tokenize_sentences

from conftest import ROOT, random_weights, write_tiny
from go_program import (
    CC,
    CGO,
    ENVIRONMENT,
    GO,
    built,
    check_same_probabilities,
    check_same_words,
    one_line,
    rows,
    started,
)

pytestmark = [pytest.mark.skipif(GO is None, reason="Go is not installed"), pytest.mark.usefixtures("one_session")]
TEXTS = (
    "I don't think it's Tom's, 5 o'clock; y'all: AT&T's R&D!",
    "“It’s” — well… (see U.S. No. 5.) Dr. Smith left at 7:49. 1,000 votes, or 3.5%?",
    "He does n't say -LRB- that -RRB- . `` Tom 's '' said : they 'll ... go .. now",
    "cafe\u0301 e\u0301te\u0301 x\u0302yz a\u200bb co\u00adop \u202eno 👩\u200d👧! 👍🏽👍🏽 🇩🇪🇫🇷 ❤\ufe0f",
    "\u0645\u06cc\u200c\u062e\u0648 हिन्दी भाषा 日本語 Ωmega 'tis rock 'n' roll dogs' '90s",
    'A. B. C. etc. end. Next one? "Yes." (No.) me@example.com, and/or e-commerce--here -- there – 10–12',
)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return built(tmp_path_factory.mktemp("go") / "lmgen-go")


@pytest.fixture
def run(program):
    return lambda *arguments, stdin=None: started([program, *arguments], stdin)


@pytest.fixture(scope="session")
def folders(tiny_folder, released_folder, tiny_shape, tiny_words, tmp_path_factory):
    """The default model, two small ones of random weights, and the released graph scaled down."""
    other = write_tiny(tmp_path_factory.mktemp("other"), tiny_shape, tiny_words, random_weights(tiny_shape, seed=5))
    return {"mini": ROOT / "models" / "mini", "tiny": tiny_folder, "other": other, "released": released_folder}


def tokens(run, text, folder, *options):
    found = rows(run("surprisal", "-", "--columns", "token", "-m", folder, *options, stdin=text + "\n"))
    return [row["token"] for row in found][:-1]


def test_its_code_is_in_form_and_its_own_tests_pass():
    for command in (["vet", "./..."], ["test", "./..."]):
        subprocess.run([GO, *command], cwd=ROOT / "go", env=ENVIRONMENT, check=True)
    gofmt = shutil.which("gofmt") or pytest.skip("gofmt is not installed")
    assert (
        subprocess.run([gofmt, "-l", ".", "../examples"], cwd=ROOT / "go", capture_output=True, check=True).stdout
        == b""
    )


@pytest.mark.skipif(CC is None, reason="Go's race detector needs a C compiler")
def test_goroutines_share_a_model_without_a_race(tiny_folder):
    environment = {**CGO, "LMGEN_TEST_MODEL": str(tiny_folder)}

    subprocess.run([GO, "test", "-race", "./lm"], cwd=ROOT / "go", env=environment, check=True)


def test_the_tables_of_moses_rules_are_those_of_sacremoses(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "go" / "internal" / "text")
    from tables import tables

    assert (ROOT / "go" / "internal" / "text" / "tables.txt").read_text() == tables()


@pytest.mark.parametrize("text", TEXTS)
def test_its_tokens_are_lmgens(run, tiny_folder, text):
    assert tokens(run, text, tiny_folder, "--no-split") == tokenize(text)
    assert tokens(run, text, tiny_folder) == tokenize_sentences(text)


def test_its_tokens_are_lmgens_whatever_the_text(run, tiny_folder):
    """Many texts in one run: each is a line."""
    pytest.importorskip("hypothesis")
    from hypothesis import strategies as st

    pieces = st.sampled_from(
        [*"aB1 .,;:!?'\"-()&@$%", "...", "…", "—", " – ", "’", "“", "don't", "👩‍👧", "é", "'s", " n't"]
    )
    drawn = st.lists(st.one_of(pieces, st.characters(codec="utf-8", max_codepoint=0x2FFF)), max_size=10).map("".join)
    texts = [
        text for text in examples(drawn, 300) if "\0" not in text and len(text.splitlines()) == 1 and tokenize(text)
    ]
    found = rows(
        run("surprisal", "-", "--columns", "sentence_id,token", "--no-split", "-m", tiny_folder, stdin="\n".join(texts))
    )
    by_text = {}
    for row in found:
        by_text.setdefault(int(row["sentence_id"]), []).append(row["token"])

    wrong = [
        (text, by_text.get(number)) for number, text in enumerate(texts, 1) if by_text[number][:-1] != tokenize(text)
    ]
    assert wrong == []


def examples(strategy, count):
    """Texts of a strategy, the same ones each time."""
    from hypothesis import Phase, given, settings

    found = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(strategy)
    def collect(text):
        found.append(text)

    collect()
    return found


@pytest.mark.parametrize("name", ["mini", "tiny", "other", "released"])
def test_probabilities_are_the_sessions_to_a_hundred_thousandth(run, folders, name, lmgen):
    check_same_probabilities(run, lmgen, folders[name], f"The cat sat.\n{TEXTS[0]}")


@pytest.mark.parametrize("name", ["mini", "tiny", "released"])
def test_the_same_seed_writes_the_same_words(run, folders, name):
    check_same_words(run, folders[name])


def test_greedy_and_samplers_write_what_lmgen_writes(run, folders, lmgen):
    for options in (
        ["-t", 0],
        ["-k", 5, "-t", 0.8],
        ["--min-p", 0.05],
        ["-p", 0.5, "--sentences", 2, "--stop", "of the"],
    ):
        arguments = ("complete", "“The president’s” plan", "--seed", 3, "-n", 3, *options, "-m", folders["mini"])
        assert run(*arguments).out == lmgen(*arguments, "--engine", "session").out


def test_int8_is_near(run, folders):
    arguments = ("surprisal", "--text", TEXTS[1], "--columns", "logprob", "-m", folders["mini"])
    exact, near = (
        np.array([float(row["logprob"]) for row in rows(run(*arguments, *more))])
        for more in ([], ["--precision", "int8"])
    )

    assert 0 < np.abs(exact - near).mean() < 0.1


def without(folder, target, *patterns):
    return shutil.copytree(folder, target, ignore=shutil.ignore_patterns(*patterns))


def test_int8_of_converted_files_is_that_of_the_checkpoint(run, writer_folder, tmp_path):
    arguments = ("surprisal", "--text", TEXTS[1], "--columns", "token,logprob,rank", "-m")
    alone = without(writer_folder, tmp_path / "alone", "ckpt-*", "graph-*")
    found = [
        run(*arguments, folder, *more)
        for folder, more in (
            (writer_folder, ["--precision", "int8"]),
            (without(writer_folder, tmp_path / "checkpoint", "litert-*"), ["--precision", "int8"]),
            (alone, []),
        )
    ]

    assert found[0].exit_code == 0 and found == [found[0]] * 3
    one_line(run(*arguments, alone, "--precision", "float32"), 3, "has no checkpoint, only converted files")


def test_converted_files_of_another_checkpoint_are_not_read(run, folders, writer_folder, tmp_path):
    arguments = ("next", "the cat", "--precision", "int8", "--format", "tsv", "-m")
    mixed = shutil.copytree(folders["other"], tmp_path / "mixed")
    shutil.copytree(writer_folder / "litert-fast", mixed / "litert-fast")
    own = run(*arguments, folders["other"])

    assert own.exit_code == 0 and run(*arguments, mixed) == own != run(*arguments, writer_folder)


def test_converted_files_that_are_damaged_are_named(run, writer_folder, tmp_path):
    folder = shutil.copytree(writer_folder, tmp_path / "model")
    memory = folder / "litert-fast" / "memory.tflite"
    memory.write_bytes(memory.read_bytes()[:-1])

    one_line(run("next", "the", "--precision", "int8", "-m", folder), 4, "lmgen convert`, or use --precision float32")
    assert run("next", "the", "--precision", "float32", "-m", folder).exit_code == 0


def test_text_is_joined_as_lmgen_joins_it(run, folders):
    written = run(
        "complete", "-f", "-", "--max-words", 1, "--seed", 1, "--format", "jsonl", "-m", folders["mini"], stdin=TEXTS[0]
    )

    assert f'"prefix":"{TEXTS[0]}"' in written.out.replace('": ', '":')
    assert detokenize(tokenize(TEXTS[0])) == TEXTS[0]


def test_next_words_are_lmgens(run, folders, lmgen):
    arguments = ("next", "I love", "-k", 5, "--format", "tsv", "-m", folders["mini"])
    ours, its = rows(lmgen(*arguments, "--engine", "session")), rows(run(*arguments))

    assert [(row["rank"], row["word"]) for row in its] == [(row["rank"], row["word"]) for row in ours]
    np.testing.assert_allclose([float(row["prob"]) for row in its], [float(row["prob"]) for row in ours], rtol=1e-4)


def damaged(folder):
    path = folder / "ckpt-softmax3"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 64
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "ckpt-lstm").unlink(), "is not a whole model: it lacks ckpt-lstm"),
        (damaged, "ckpt-softmax3"),
        (lambda folder: (folder / "model.toml").write_text("name = ["), "is not a model's manifest"),
        (lambda folder: shutil.rmtree(folder), "there is no"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line_with_lmgens_exit_code(run, tiny_folder, tmp_path, damage, message):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    damage(folder)
    result = run("complete", "The", "-m", folder)

    assert result.exit_code == main(["complete", "The", "--engine", "session", "-m", str(folder)])
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert message in result.err


def test_the_example_of_the_docs_runs(tmp_path):
    example = re.search(r"```go\n(.*?)```", (ROOT / "docs" / "go.md").read_text(), re.DOTALL)[1]
    (tmp_path / "main.go").write_text(example.replace("models/mini", str(ROOT / "models" / "mini")))
    (tmp_path / "go.mod").write_text(
        f"module example\n\ngo 1.19\n\nrequire lmgen.dev/go v0.0.0\n\nreplace lmgen.dev/go => {ROOT / 'go'}\n"
    )
    done = subprocess.run([GO, "run", "."], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1].split()[-1] in ("sentence", "length")
