"""Vectors of words in a file, with a computation that counts."""

import numpy as np
import pytest

from lmgen.engines.word_cache import KeptVectors
from lmgen.text import vocabulary
from lmgen.text.vocabulary import LITERAL, Vocabulary

WORDS = ["</S>", "<S>", "<UNK>", "the", "cat", "sat", "on", "mat"]
SIZE = 6


class Computed:
    """Vectors that tell words apart; `asked` counts the words."""

    def __init__(self):
        self.asked = 0

    def __call__(self, characters):
        self.asked += len(characters)
        return characters[:, :SIZE].astype(np.float32) / 7


@pytest.fixture
def computed():
    return Computed()


@pytest.fixture
def opened(tmp_path, computed):
    """The file, opened as another process would."""
    return lambda words=WORDS: KeptVectors(tmp_path / "vectors", SIZE, Vocabulary(words), computed)


def test_what_one_process_computed_the_others_read(opened, computed):
    first = opened().of(["the", "cat"])
    second = opened().of(["cat", "sat", "the"])

    assert computed.asked == 3
    assert np.array_equal(second[[2, 0]], first)
    assert np.array_equal(second, Computed()(Vocabulary(WORDS).all_char_ids(["cat", "sat", "the"])))


def test_other_words_and_rare_ones_are_not_kept(opened, computed, monkeypatch):
    monkeypatch.setattr(vocabulary, "FREQUENT_WORDS", 5)
    for _ in range(2):
        opened().of(["the", "mat", "never-seen", LITERAL + "the"])

    assert computed.asked == 4 + 3


def test_the_file_is_bounded(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary, "FREQUENT_WORDS", 5)
    opened().of(WORDS)

    assert (tmp_path / "vectors").stat().st_size == 5 * 4 * (1 + SIZE)


def test_another_vocabulary_gets_its_own_vectors(opened, computed):
    """The place of a word is by its id; its checksum is by its spelling."""
    opened().of(["cat"])
    other = [*WORDS[:3], "cat", "the"]

    assert np.array_equal(opened(other).of(["the"]), Computed()(Vocabulary(other).all_char_ids(["the"])))
    assert computed.asked == 2


@pytest.mark.parametrize("harm", ["bit", "cut", "zeros"])
def test_a_damaged_vector_is_computed_anew(opened, computed, tmp_path, harm):
    expected = opened().of(["mat"])
    path = tmp_path / "vectors"
    content = bytearray(path.read_bytes())
    if harm == "bit":
        content[-2] ^= 1
    path.write_bytes({"bit": content, "cut": content[:-3], "zeros": bytes(len(content))}[harm])

    assert np.array_equal(opened().of(["mat"]), expected)
    assert np.array_equal(opened().of(["mat"]), expected)
    assert computed.asked == 2


def test_a_full_disk_costs_time_alone(opened, computed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)

    assert np.array_equal(opened().of(["mat"]), opened().of(["mat"]))
    assert computed.asked == 2
