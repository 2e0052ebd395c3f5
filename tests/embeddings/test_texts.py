"""Vectors of texts that were read, beside what the program of 2016 dumps."""

import numpy as np
import pytest

from lmgen.embeddings.texts import embed_sentences
from lmgen.embeddings.words import WordSpace
from lmgen.errors import UsageError
from lmgen.model import read
from lmgen.scoring.score import Sentence

import program_2016
from conftest import load

SENTENCES = [["the", "cat"], ["never-seen", "sat", "the", "cat", "£"], ["sat"]]


def test_vectors_are_those_that_the_program_of_2016_dumps(released_folder):
    """`dump_emb` saves `all_embs_out` of each word, `dump_lstm_emb` the top layer's output; it spelled `<S>`."""
    model = load(str(released_folder), spelled_marks=True)
    [embedded] = embed_sentences(model, [Sentence(SENTENCES[1])])
    characters = model.vocabulary.all_char_ids(list(embedded.tokens))
    steps = program_2016.run_2016(released_folder, [(row, 0) for row in characters])["steps"]

    dumped = np.concatenate([step["lstm/lstm_1/control_dependency:0"] for step in steps])
    np.testing.assert_allclose(embedded.vectors, dumped, atol=1e-5)
    words = np.concatenate([step["all_embs_out:0"] for step in steps])
    np.testing.assert_allclose(WordSpace(model, "in").vectors(embedded.tokens), words, atol=1e-5)


@pytest.mark.parametrize("layer", [0, 1, None])
def test_sentences_side_by_side_have_the_vectors_that_each_has_alone(tiny_model, layer):
    found = list(embed_sentences(tiny_model, map(Sentence, SENTENCES), layer, rows=2))

    assert [one.tokens for one in found] == [("<S>", *words) for words in SENTENCES]
    for one, words in zip(found, SENTENCES, strict=True):
        state = read(tiny_model, words).state
        expected = state[-1 if layer is None else layer][0, -one.vectors.shape[1] :]
        np.testing.assert_allclose(one.vectors[-1], expected, atol=1e-5)


def test_a_sentence_has_its_last_vector_or_the_mean_over_its_words(tiny_model):
    [one] = embed_sentences(tiny_model, [Sentence(["the", "cat"])])

    np.testing.assert_array_equal(one.pooled("last"), one.vectors[2])
    np.testing.assert_allclose(one.pooled("mean"), (one.vectors[1] + one.vectors[2]) / 2, atol=1e-6)


def test_a_layer_that_there_is_not_is_refused(tiny_model):
    with pytest.raises(UsageError, match="no layer 2: the model has 2, from 0 to 1"):
        next(embed_sentences(tiny_model, [Sentence(["the"])], layer=2))


def test_converted_files_give_the_same_vectors(tiny_model, all_converted_folder):
    converted = load(str(all_converted_folder), "litert")
    pairs = (embed_sentences(model, map(Sentence, SENTENCES)) for model in (tiny_model, converted))
    for one, other in zip(*pairs, strict=True):
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)
