"""`lmgen embed` and `lmgen neighbours`, on the tiny model."""

import csv
import io
import json

import numpy as np
import pytest


@pytest.fixture
def run(lmgen, tiny_folder, tiny_model, monkeypatch):
    monkeypatch.setattr("lmgen.cli.model_options.load", lambda *_: tiny_model)
    return lambda command, *arguments: lmgen(command, *arguments, "-m", tiny_folder)


def objects(result):
    assert result.exit_code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def test_sentences_tokens_and_words_have_vectors(run, tiny_model):
    text = ("--text", "The cat. The cat")
    [sentence] = objects(run("embed", *text, "--no-split"))
    tokens = objects(run("embed", *text, "--no-split", "--of", "token"))
    words = objects(run("embed", *text, "--no-split", "--of", "word"))

    assert sentence["sentence"] == "The cat. The cat"
    assert [row["token"] for row in tokens] == ["<S>", "The", "cat", ".", "The", "cat"]
    assert tokens[-1]["vector"] == sentence["vector"]
    assert [row["word"] for row in words] == ["The", "cat", "."]
    np.testing.assert_allclose(words[1]["vector"], tiny_model.vectors(["cat"])[0], atol=1e-6)


def test_columns_of_a_table_are_kept(run, tmp_path):
    (tmp_path / "items.csv").write_text("text,item\nthe cat,7\n")
    [row] = objects(run("embed", tmp_path / "items.csv"))

    assert (row["item"], row["sentence"]) == ("7", "the cat")


def test_the_suffix_chooses_the_form(run, tmp_path):
    assert run("embed", "--text", "the cat", "--of", "word", "-o", tmp_path / "v.vec").exit_code == 0
    assert run("embed", "--text", "the cat", "-o", tmp_path / "v.npy").exit_code == 0

    assert (tmp_path / "v.vec").read_text().startswith("2 16\nthe ")
    assert np.load(tmp_path / "v.npy").shape == (1, 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "the cat", "--of", "word", "--layer", "0"], "--layer is for tokens and sentences"),
        (["--text", "the cat", "--format", "npy"], "npy cannot be written to stdout"),
        (["--text", "the cat", "--layer", "9"], "there is no layer 9: the model has 2"),
        (
            ["--text", "the zork", "--of", "word", "--space", "out"],
            "'zork' is not in the model's vocabulary (--space in",
        ),
        (["--text", " "], "nothing to embed"),
        ([], "give a FILE (- for stdin) or a --text"),
    ],
)
def test_what_cannot_be_embedded_is_refused(run, arguments, message):
    result = run("embed", *arguments)

    assert (result.exit_code, result.out) == (2, "")
    assert message in result.err


def test_neighbours_are_listed_for_each_word(run):
    rows = list(csv.DictReader(io.StringIO(run("neighbours", "cat", "never-seen", "-k", "2").out), delimiter="\t"))

    assert [(row["word"], row["rank"]) for row in rows] == [
        ("cat", "1"),
        ("cat", "2"),
        ("never-seen", "1"),
        ("never-seen", "2"),
    ]


def test_pairs_have_similarities(run, tmp_path):
    (tmp_path / "pairs.txt").write_text("cat cat\n\ncat sat\n")
    rows = objects(run("neighbours", "--pairs", tmp_path / "pairs.txt", "--format", "jsonl"))

    assert [(row["word"], row["other"]) for row in rows] == [("cat", "cat"), ("cat", "sat")]
    assert rows[0]["similarity"] == pytest.approx(1, abs=1e-5)


def test_a_line_that_is_no_pair_is_refused_with_its_number(run, tmp_path):
    (tmp_path / "pairs.txt").write_text("cat sat\ncat\n")
    result = run("neighbours", "--pairs", tmp_path / "pairs.txt")

    assert result.exit_code == 2
    assert "line 2: a pair is two words" in result.err


def test_words_or_pairs_are_needed(run):
    assert "give one WORD or more" in run("neighbours").err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--of", "word", "--pool", "mean"), "--pool is for sentences"),
        (("--of", "token", "--pool", "mean"), "--pool is for sentences"),
        (("--space", "out"), "--space is for words"),
    ],
)
def test_what_would_change_nothing_is_refused(lmgen, given, told):
    result = lmgen("embed", "--text", "the", *given)

    assert (result.exit_code, result.out) == (2, "")
    assert told in result.err
