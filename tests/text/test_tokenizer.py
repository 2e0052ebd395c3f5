import pytest

from lmgen.text.tokenizer import detokenize, tokenize

from conftest import SHARED

TEST_SHARD = SHARED / "lm1b" / "news.en.heldout-00000-of-00050"
CONVENTIONS = [
    ("I don't think it's Tom's.", "I don 't think it 's Tom 's ."),
    ('"Yes," he said, "we can!"', '" Yes , " he said , " we can ! "'),
    ("The dogs' bowls (all of them) cost $5.50.", "The dogs ' bowls ( all of them ) cost $ 5.50 ."),
    ("Mr. Smith left the U.S. at 7:49 a.m. today.", "Mr. Smith left the U.S. at 7 : 49 a.m. today ."),
    ("Wait -- is 30% of e-commerce and/or TV...", "Wait -- is 30 % of e-commerce and / or TV ..."),
    ("O'Brien won 1,000 votes; they'll say so.", "O 'Brien won 1,000 votes ; they 'll say so ."),
]


@pytest.mark.parametrize("text, words", CONVENTIONS)
def test_text_is_split_as_the_training_text_was(text, words):
    assert tokenize(text) == words.split()


@pytest.mark.parametrize("text, words", CONVENTIONS)
def test_words_are_joined_as_one_writes(text, words):
    assert detokenize(words.split()) == text


def test_typographic_marks_become_the_corpus_s_ascii():
    assert tokenize("“It’s” — well…") == ["\"", "It", "'s", "\"", "--", "well", "..."]  # fmt: skip


def test_plain_words_are_split_as_the_rules_would():
    from sacremoses import MosesTokenizer

    text = "The 2 cats  sat on 15 MATS "

    assert tokenize(text) == MosesTokenizer("en").tokenize(text, escape=False)


def test_nothing_is_no_word():
    assert tokenize("") == []
    assert tokenize(" \n\t ") == []
    assert detokenize([]) == ""


@pytest.mark.skipif(not TEST_SHARD.exists(), reason="the official test shard is not here")
def test_nearly_every_line_of_the_official_shard_survives_a_round_trip():
    lines = TEST_SHARD.read_text("utf-8").splitlines()

    same = sum(tokenize(detokenize(line.split())) == line.split() for line in lines)

    assert len(lines) == 6075
    assert same / len(lines) >= 0.97
