import pytest

from lmgen.text.sentence_ends import split_sentences
from lmgen.text.tokenizer import split_words


@pytest.mark.parametrize(
    "sentences",
    [
        ["He came."],
        ["He came.", "She left."],
        ["Is it late?", "No!", "It is not."],
        ['He said "stop."', "She did."],
        ["(He came.)", "[She left.]"],
        ["He waited… ", "She left."],
        ["Dr. Brown met Mrs. Gray at 5 p.m. in St. Louis."],
        ["J. R. R. Tolkien wrote it."],
        ["The U.S. President spoke."],
        ["See No. 5 for more."],
        ["Say no.", "Then go."],
        ["It cost 3.50 dollars.", "7 people paid."],
        ["He came.  ", "“Really?”", "‘Yes.’"],
        ["Il est là.", "Élan vital."],
        ["what. is. this"],
        ["He left ... and came back."],
        [""],
        ["   "],
    ],
)
def test_sentences_end_where_moses_ends_them(sentences):
    text = " ".join(sentences)

    assert [sentence.strip() for sentence in split_sentences(text)] == [sentence.strip() for sentence in sentences]


def test_nothing_but_space_is_lost():
    text = ' A first. "And a second?" (A third!) no fourth. 5 is one. '

    assert "".join(split_sentences(text)).replace(" ", "") == text.replace(" ", "")


def test_words_of_several_sentences_have_the_end_between_them():
    text = "He came. She left"

    assert split_words()(text) == ["He", "came", ".", "</S>", "She", "left"]
    assert split_words(whole=True)(text) == ["He", "came", ".", "She", "left"]
    assert split_words(tokenized=True)(text) == ["He", "came.", "She", "left"]
