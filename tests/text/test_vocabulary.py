import numpy as np
import pytest

from lmgen.errors import IntegrityError, MissingError
from lmgen.text.vocabulary import FREQUENT_WORDS, MARKS, Vocabulary


def written(tmp_path, data):
    path = tmp_path / "vocab.txt"
    path.write_bytes(data)
    return path


def test_lines_are_words_in_order_and_the_marker_line_takes_no_id(tmp_path):
    path = written(tmp_path, b"</S>\n<S>\n!!!MAXTERMID\n<UNK>\nthe\n")

    vocabulary = Vocabulary.load(path)

    assert vocabulary.words == ["</S>", "<S>", "<UNK>", "the"]
    assert vocabulary.id("the") == 3


def test_only_ascii_white_space_is_stripped(tmp_path):
    """Latin-1 or Unicode stripping would eat 0xA0 and 0x85, the last bytes of words such as `à`."""
    path = written(tmp_path, "</S>\n<S>\n<UNK>\n voilà\t\r\n…\n\ufffd\n".encode())

    vocabulary = Vocabulary.load(path)

    assert vocabulary.words[3:] == ["voilà", "…", "\ufffd"]
    assert "voilà".encode()[-1] == 0xA0


def test_bytes_that_are_no_utf8_survive_a_round_trip(tmp_path):
    data = b"</S>\n<S>\n<UNK>\n\xff\xfeword\n!!!MAXTERMID\n"
    path = written(tmp_path, data)

    Vocabulary.load(path).save(path)

    assert path.read_bytes() == data


def test_an_unknown_word_has_the_id_of_unk():
    assert Vocabulary(MARKS).id("never-seen") == 2


def test_an_id_without_a_word_raises():
    vocabulary = Vocabulary(MARKS)

    with pytest.raises(IndexError, match="no word has the id 3"):
        vocabulary.word(3)
    with pytest.raises(IndexError):
        vocabulary.word(-1)


def test_the_special_characters_are_the_first_unused_byte_values():
    assert Vocabulary([*MARKS, "a"]).unused_bytes == bytes([0, 1, 2, 3, 4])
    assert Vocabulary([*MARKS, "\x00\x02"]).unused_bytes == bytes([1, 3, 4, 5, 6])


@pytest.mark.parametrize(
    "word, expected",
    [
        ("hello", [2, 104, 101, 108, 108, 111, 3]),
        (".", [2, 46, 3]),
        ("<S>", [2, 0, 3]),
        ("</S>", [2, 1, 3]),
        ("<UNK>", [2, 60, 85, 78, 75, 62, 3]),
        ("voilà", [2, *b"voil\xc3\xa0", 3]),
        ("", [2, 3]),
    ],
)
def test_a_word_is_read_by_its_utf8_bytes_between_marks(word, expected):
    """The arrays of the release (elibryan/lm1b's tests quote hello, `.` and the empty word)."""
    ids = Vocabulary(MARKS).char_ids(word)

    assert ids.dtype == np.int32
    assert ids.tolist() == expected + [4] * (50 - len(expected))


def test_a_word_is_cut_at_48_bytes():
    ids = Vocabulary(MARKS).char_ids("é" * 30)

    assert ids.tolist() == [2, *("é" * 24).encode(), 3]


def test_many_words_are_spelled_as_one_by_one():
    vocabulary = Vocabulary(MARKS)
    words = ["<S>", "a", "x" * 99, "", "naïve"]

    together = vocabulary.all_char_ids(words)

    assert np.array_equal(together, [vocabulary.char_ids(word) for word in words])


def test_a_file_that_is_no_vocabulary_is_refused(tmp_path):
    with pytest.raises(IntegrityError, match="no line </S>"):
        Vocabulary.load(written(tmp_path, b"node {\n  name: 'x'\n}\n"))
    with pytest.raises(MissingError, match="cannot read"):
        Vocabulary.load(tmp_path / "absent.txt")


def test_a_vocabulary_that_leaves_no_byte_free_is_refused():
    everything = bytes(range(256)).decode("utf-8", "surrogateescape")

    with pytest.raises(IntegrityError, match="five must be free"):
        Vocabulary([*MARKS, everything]).char_ids("a")


def test_rare_words_are_found_as_frequent_ones_are(monkeypatch):
    monkeypatch.setattr("lmgen.text.vocabulary.FREQUENT_WORDS", 4)
    words = [*MARKS, "the", "cat", "sat"]
    vocabulary = Vocabulary(words)

    assert [vocabulary.id(word) for word in (*words, "never")] == [0, 1, 2, 3, 4, 5, 2]
    assert ["cat" in vocabulary, "never" in vocabulary] == [True, False]
    assert vocabulary.frequent == {**dict(zip(MARKS, range(3), strict=True)), "the": 3}


def test_rare_words_are_found_as_in_a_dictionary_of_all():
    """The last of equal lines counts, the last line too, whole lines only; and a dictionary answers after a while."""
    rare = [f"w{n}" for n in range(FREQUENT_WORDS, FREQUENT_WORDS + 300)]
    words = [*MARKS, *(f"w{n}" for n in range(3, FREQUENT_WORDS)), *rare, "caf\udce9", "end", "end"]
    vocabulary = Vocabulary(words)

    asked = [*rare[:40], "caf\udce9", "end", "nd", "en", "w", "", "\n", "w3\nw4", "</S>", "absent", *rare]
    expected = {word: index for index, word in enumerate(words)}
    for word in asked:
        assert vocabulary.id(word) == expected.get(word, 2), word
        assert (word in vocabulary) == (word in expected)
