"""A text's own words and regions, with the tokens that each became."""

import unicodedata

import pytest

from lmgen.errors import UsageError
from lmgen.text.alignment import region_spans, word_spans
from lmgen.text.tokenizer import tokenize

pytest.importorskip("hypothesis")
from hypothesis import given, settings, strategies as st

PIECES = st.sampled_from(
    [*"aB1 .,;:!?'\"-()\u00a0\u200b\u00ad\u0301", "...", "…", "—", " – ", "’", "“", "''", "don't", "👩‍👧", "é"]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map("".join)

holds = settings(deadline=None, max_examples=300, derandomize=True, database=None)


def parts(text, punctuation=False):
    tokens = tokenize(text)
    return [
        (text[span.start : span.end], [tokens[place] for place in span.tokens])
        for span in word_spans(text, tokens, punctuation)
    ]


def test_words_are_those_that_the_user_wrote():
    assert parts("“I don’t know…” she\u00a0said — 10–12.") == [
        ("“I", ['"', "I"]),
        ("don’t", ["don", "'t"]),
        ("know…”", ["know", "...", '"']),
        ("she", ["she"]),
        ("said", ["said"]),
        ("—", ["--"]),
        ("10–12.", ["10-12", "."]),
    ]


def test_what_became_fewer_or_more_characters_stays_in_its_word():
    assert parts("''hi'' – no") == [("''hi''", ['"', "hi", '"']), ("–", ["--"]), ("no", ["no"])]


def test_punctuation_at_the_ends_of_a_word_can_stand_alone():
    assert parts("(The dogs' 7:30 don't!)", punctuation=True) == [
        ("(", ["("]),
        ("The", ["The"]),
        ("dogs", ["dogs"]),
        ("'", ["'"]),
        ("7:30", ["7", ":", "30"]),
        ("don't", ["don", "'t"]),
        ("!", ["!"]),
        (")", [")"]),
    ]


@holds
@given(TEXTS, st.booleans())
def test_every_token_has_one_place_and_every_word_is_cut_from_the_text(text, punctuation):
    tokens = tokenize(text)
    spans = word_spans(text, tokens, punctuation)

    assert [place for span in spans for place in span.tokens] == list(range(len(tokens)))
    assert "".join(text[span.start : span.end] for span in spans) == "".join(text.split())
    if not punctuation:
        assert [text[span.start : span.end] for span in spans] == text.split()


@holds
@given(st.lists(st.text("abcdé’'\"…—.,", min_size=1, max_size=6), min_size=1, max_size=6))
def test_letters_belong_to_the_word_that_they_are_written_in(words):
    text = " ".join(words)
    tokens = tokenize(text)
    for word, span in zip(words, word_spans(text, tokens), strict=True):
        spelled = "".join(tokens[place] for place in span.tokens)
        letters = [[c for c in unicodedata.normalize("NFC", some) if c.isalpha()] for some in (word, spelled)]
        assert letters[0] == letters[1]


def test_regions_have_the_tokens_that_begin_in_them():
    text = "The barn fell."
    spans = region_spans(text, [(0, 3), (4, 14)], tokenize(text))

    assert [list(span.tokens) for span in spans] == [[0], [1, 2, 3]]


def test_a_region_that_ends_within_a_token_is_refused():
    with pytest.raises(UsageError, match="ends within the token 'barn'"):
        region_spans("The barn", [(0, 6), (6, 8)], ["The", "barn"])
