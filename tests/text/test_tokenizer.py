import pytest

from lmgen.text.tokenizer import detokenize, tokenize, tokenize_penn

from conftest import SHARED

TEST_SHARD = SHARED / "lm1b" / "news.en.heldout-00000-of-00050"
CONVENTIONS = [
    ("I don't think it's Tom's.", "I don 't think it 's Tom 's ."),
    ('"Yes," he said, "we can!"', '" Yes , " he said , " we can ! "'),
    ("The dogs' bowls (all of them) cost $5.50.", "The dogs ' bowls ( all of them ) cost $ 5.50 ."),
    ("Mr. Smith left the U.S. at 7:49 a.m. today.", "Mr. Smith left the U.S. at 7 : 49 a.m. today ."),
    ("Wait -- is 30% of e-commerce and/or TV...", "Wait -- is 30 % of e-commerce and / or TV ..."),
    ("O'Brien won 1,000 votes; they'll say so.", "O 'Brien won 1,000 votes ; they 'll say so ."),
    ("It's 5 o'clock, y'all: AT&T's R&D!", "It 's 5 o 'clock , y 'all : AT & T 's R & D !"),
    ("Procter & Gamble wrote to me@example.com!", "Procter & Gamble wrote to me @ example.com !"),
    ('He left." She stayed."', 'He left . " She stayed . "'),
]


@pytest.mark.parametrize("text, words", CONVENTIONS)
def test_text_is_split_as_the_training_text_was(text, words):
    assert tokenize(text) == words.split()


@pytest.mark.parametrize("text, words", CONVENTIONS)
def test_words_are_joined_as_one_writes(text, words):
    assert detokenize(words.split()) == text


def test_typographic_marks_become_the_corpus_s_ascii():
    assert tokenize("“It’s” — well…") == ["\"", "It", "'s", "\"", "--", "well", "..."]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cafe\u0301 e\u0301te\u0301", ["café", "été"]),
        ("a\u200bb co\u00adop \u202eno\u202c \ufeffBOM", ["ab", "coop", "no", "BOM"]),
        ("x\u0302yz, x\u0302", ["x\u0302yz", ",", "x\u0302"]),
        ("👩\u200d👧! 👍🏽👍🏽 🇩🇪🇫🇷 ❤\ufe0f", ["👩\u200d👧", "!", "👍🏽", "👍🏽", "🇩🇪", "🇫🇷", "❤\ufe0f"]),
        ("\u0645\u06cc\u200c\u062e\u0648", ["\u0645\u06cc\u200c\u062e\u0648"]),
        ("\ua000x \ue000y", ["\ua000x", "\ue000", "y"]),
    ],
)
def test_what_is_one_character_to_the_eye_is_not_cut(text, words):
    assert tokenize(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("He does n't say -LRB- that -RRB- .", "He doesn 't say ( that ) ."),
        ("`` Tom 's here , '' they 'll say .", "\" Tom 's here , \" they 'll say ."),
        ("You ca n't ; I WO N'T .", "You can 't ; I WON 'T ."),
    ],
)
def test_tokens_of_the_penn_treebank_are_read_as_the_training_text_has_them(text, words):
    assert tokenize(text) == tokenize_penn(text) == words.split()


def test_words_that_the_penn_treebank_alone_cuts_are_whole_where_its_tokens_are_said_to_be():
    assert (
        tokenize_penn("I can not say either\\/or , I 'm gon na .") == "I cannot say either / or , I 'm gonna .".split()
    )
    assert "can not" in " ".join(tokenize("I can not say ."))


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
    assert same / len(lines) >= 0.99
