from itertools import islice

import numpy as np
import pytest

from lmgen.bench.original import Original
from lmgen.model import read
from lmgen.softmax import probabilities
from lmgen.store.library import find

from conftest import load

WORDS = ("the", "cat", "unseen")


@pytest.mark.parametrize("folder", ["tiny_folder", "released_folder"])
def test_the_original_predicts_what_the_session_does(request, folder):
    folder = request.getfixturevalue(folder)
    original, session = Original(find(str(folder))), load(str(folder), "session")

    found = original.read(WORDS)

    np.testing.assert_allclose(found, probabilities(session.logits(read(session, WORDS).state)[0]), atol=1e-6)
    np.testing.assert_array_equal(original.read(WORDS), found)  # nothing is left of the text before


def test_the_original_writes_words_and_the_same_ones_for_the_same_draws(tiny_folder):
    original = Original(find(str(tiny_folder)))
    first, second = (list(islice(original.write(WORDS, np.random.default_rng(3)), 6)) for _ in range(2))

    assert first == second
    assert set(first) <= set(original.vocabulary.words)
