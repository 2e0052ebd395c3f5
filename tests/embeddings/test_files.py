"""Vectors in files, as other programs read them."""

import csv
import json

import numpy as np
import pytest

from lmgen.embeddings.files import Labelled, write_vectors
from lmgen.errors import UsageError

VECTORS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
WORDS = ["the", "“cat”", "voilà"]
FOUND = [Labelled({"word": word}, vector) for word, vector in zip(WORDS, VECTORS, strict=True)]


@pytest.fixture
def written(tmp_path):
    def write(name, kind):
        path = tmp_path / name
        assert write_vectors(iter(FOUND), str(path), kind) == len(FOUND)
        return path

    return write


def test_numpy_reads_the_same_numbers(written):
    np.testing.assert_array_equal(np.load(written("v.npy", "npy")), VECTORS)
    with np.load(written("v.npz", "npz")) as arrays:
        np.testing.assert_array_equal(arrays["vectors"], VECTORS)
        assert arrays["word"].tolist() == WORDS


def test_columns_of_the_user_may_have_any_name(tmp_path):
    found = [Labelled({"file": "a.txt", "vectors": place}, vector) for place, vector in enumerate(VECTORS)]
    write_vectors(found, str(tmp_path / "v.npz"), "npz")

    with np.load(tmp_path / "v.npz") as arrays:
        assert sorted(arrays) == ["file", "lmgen_vectors", "vectors"]
        np.testing.assert_array_equal(arrays["lmgen_vectors"], VECTORS)
        assert arrays["vectors"].tolist() == [0, 1, 2]


def test_text_forms_hold_every_float32_exactly(written):
    objects = [json.loads(line) for line in written("v.jsonl", "jsonl").read_text().splitlines()]
    np.testing.assert_array_equal(np.array([one["vector"] for one in objects], np.float32), VECTORS)
    assert [one["word"] for one in objects] == WORDS

    heading, *rows = csv.reader(written("v.tsv", "tsv").read_text().splitlines(), "excel-tab")
    assert heading == ["word", "v1", "v2", "v3", "v4"]
    assert [row[0] for row in rows] == WORDS
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), VECTORS)


def test_word2vec_form_begins_with_both_numbers(written):
    first, *lines = written("v.vec", "word2vec").read_text().splitlines()

    assert first == "3 4"
    assert [line.split(" ")[0] for line in lines] == WORDS
    np.testing.assert_array_equal(np.array([line.split(" ")[1:] for line in lines], np.float32), VECTORS)


def test_word2vec_form_takes_words_alone(tmp_path):
    with pytest.raises(UsageError, match="one word for a vector, not 'the cat'"):
        write_vectors([Labelled({"sentence": "the cat"}, VECTORS[0])], str(tmp_path / "v.vec"), "word2vec")


def test_nothing_to_embed_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(UsageError, match="nothing to embed"):
        write_vectors([], str(tmp_path / "v.npy"), "npy")
    assert list(tmp_path.iterdir()) == []
