import random

import pytest

from lmgen.errors import UsageError
from lmgen.server.tokens import OUTSIDE, Cut, Joiner, number_of, numbered_text, text_of, word_of
from lmgen.text.tokenizer import split_words
from lmgen.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["</S>", "<S>", "<UNK>", "the", "cat", "n't", "7"])


@pytest.mark.parametrize("word", ["cat", "</S>", "Zaphod", "voilà", "�", "\udc80x", "x" * 1000])
def test_any_word_has_a_number_of_its_own(word):
    number = number_of(word, VOCABULARY)

    assert word_of(number, VOCABULARY) == word
    assert (number >= OUTSIDE) == (word not in VOCABULARY)


@pytest.mark.parametrize("number", [-1, 7, OUTSIDE, OUTSIDE + 32, OUTSIDE + (1 << 9000), OUTSIDE + 0x6120, 1 << 20])
def test_other_numbers_are_no_words(number):
    with pytest.raises(UsageError, match="no word"):
        word_of(number, VOCABULARY)


def test_a_text_of_numbers_is_spelled_and_placed():
    text = numbered_text([1, 3, 4, 0, 1, 3], VOCABULARY)

    assert (text.text, text.words) == ("the cat the", ("the", "cat", "</S>", "the"))
    assert text.offsets == [0, 0, 4, 7, 7, 8]


def test_marks_that_a_client_writes_are_marks():
    text = text_of("<S>It rained.</S>He left. She, too", split_words())

    assert text.tokens == ("<S>", *"It rained . </S> He left . </S> She , too".split())
    assert [text.text[at : at + len(token)] for at, token in zip(text.offsets, text.tokens, strict=True)][:7] == [
        *("<S>", "It", "rained", ".", "</S>", "He", "left"),
    ]


def test_what_follows_a_text_is_joined_to_it():
    joiner, spaced = Joiner(["He", "said", '"', "no"], 'He said "no'), Joiner(["He"], "He ")

    assert "".join(map(joiner.add, ["!", '"', "</S>", "She", "left"])) == '!" She left'
    assert spaced.add("left") == "left"


@pytest.mark.parametrize("seed", range(20))
def test_a_text_is_cut_at_its_first_stop_text_however_it_comes(seed):
    rng = random.Random(seed)
    text = "".join(rng.choice("ab ") for _ in range(30))
    stops = ["".join(rng.choice("ab ") for _ in range(rng.randint(1, 4))) for _ in range(2)]
    cut, shown, place = Cut(stops), "", 0
    while place < len(text):
        step = rng.randint(1, 3)
        shown += cut.add(text[place : place + step])
        place += step
        assert text.startswith(shown)
        if cut.cut:
            break
    shown += cut.rest()

    found = [text.find(stop) for stop in stops if stop in text[:place]]
    assert shown == (text[: min(found)] if found else text)
    assert cut.end == len(shown) or cut.cut
