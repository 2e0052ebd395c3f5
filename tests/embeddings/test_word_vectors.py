"""Words near each other, beside a plain computation over the whole vocabulary."""

import numpy as np
import pytest

from lmgen.embeddings import kept
from lmgen.embeddings.words import WordSpace
from lmgen.errors import UsageError
from lmgen.store import kept as in_the_cache

MARKS = ("<S>", "</S>", "<UNK>")


@pytest.fixture(params=["in", "out"])
def space(request, tiny_model):
    return WordSpace(tiny_model, request.param)


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def plain(space, words, plus, minus=()):
    """All words by falling cosine, but for the given and special ones."""
    vectors = unit(space.vectors(words))
    place = {word: number for number, word in enumerate(words)}
    target = sum(vectors[place[word]] for word in plus) - sum(vectors[place[word]] for word in minus)
    cosines = vectors @ unit(target)
    order = np.argsort(-cosines, kind="stable")
    return [(words[at], cosines[at]) for at in order if words[at] not in {*plus, *minus, *MARKS}]


@pytest.mark.parametrize(("plus", "minus"), [(["cat"], []), (["cat", "voilà"], ["the"])])
def test_neighbours_are_those_of_a_plain_comparison_with_every_word(space, tiny_model, plus, minus):
    expected = plain(space, tiny_model.vocabulary.words, plus, minus)
    found = space.neighbours(plus, minus, 5)

    assert [(near.word, near.rank) for near in found] == [
        (word, rank + 1) for rank, (word, _) in enumerate(expected[:5])
    ]
    np.testing.assert_allclose([near.similarity for near in found], [cosine for _, cosine in expected[:5]], atol=1e-5)


def test_every_other_word_can_be_had(space, tiny_model):
    assert len(space.neighbours(["cat"], count=1000)) == len(tiny_model.vocabulary) - len(MARKS) - 1


def test_information_value_is_the_mean_distance_to_the_word_that_comes(space, tiny_model):
    words = list(tiny_model.vocabulary.words)
    probs = np.random.default_rng(1).dirichlet(np.ones(len(words)))
    vectors = unit(space.vectors(words))
    distances = 1 - vectors @ vectors.T

    found = space.information_values(["sat", "the"], probs)

    places = list(map(tiny_model.vocabulary.id, ["sat", "the"]))
    assert found == pytest.approx(distances[places] @ probs, abs=1e-6)


def test_the_similarity_of_pairs_is_the_cosine(space):
    pairs = [("cat", "sat"), ("cat", "cat"), ("the", "voilà")]
    expected = [unit(space.vectors([a]))[0] @ unit(space.vectors([b]))[0] for a, b in pairs]

    np.testing.assert_allclose(space.similarities(pairs), expected, atol=1e-5)


def test_any_spelling_has_a_vector_but_only_known_words_a_row_of_the_softmax(tiny_model):
    assert WordSpace(tiny_model, "in").vectors(["never-seen"]).shape == (1, 16)
    with pytest.raises(UsageError, match="'never-seen' is not in the model's vocabulary.*--space in"):
        WordSpace(tiny_model, "out").vectors(["cat", "never-seen"])


def test_words_that_cancel_each_other_out_have_no_neighbours(space):
    with pytest.raises(UsageError, match="cancel each other out"):
        space.neighbours(["cat"], ["cat"])


def test_vectors_of_all_words_are_computed_once_and_kept(tiny_model, monkeypatch):
    first = np.array(kept.kept_vectors(tiny_model))
    monkeypatch.setattr(kept, "_computed", lambda _: pytest.fail("computed again"))

    np.testing.assert_array_equal(kept.kept_vectors(tiny_model), first)
    assert [(entry.model, entry.kind) for entry in in_the_cache() if entry.kind == "word vectors"] == [
        (tiny_model.files.folder.name, "word vectors")
    ]


@pytest.mark.parametrize("damage", [lambda data: data[:-8], lambda data: data[:-1] + b"?", lambda _: b""])
def test_damaged_vectors_in_the_cache_are_computed_anew(tiny_model, damage):
    first = np.array(kept.kept_vectors(tiny_model))
    [path] = {entry.folder for entry in in_the_cache() if entry.kind == "word vectors"}
    file = path / kept.MATRIX
    file.write_bytes(damage(file.read_bytes()))

    np.testing.assert_array_equal(kept.kept_vectors(tiny_model), first)


def test_without_a_cache_they_are_computed_for_this_process(tiny_model, monkeypatch, tmp_path):
    first = np.array(kept.kept_vectors(tiny_model))
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("LMGEN_HOME", str(blocked))

    np.testing.assert_array_equal(kept.kept_vectors(tiny_model), first)
