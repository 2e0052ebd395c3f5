import numpy as np
import pytest

from lmgen.errors import MissingError, UsageError
from lmgen.generation.constraints import Constraints, Limits
from lmgen.text.vocabulary import MARKS, Vocabulary

WORDS = Vocabulary([*MARKS, "the", "cat", "Cat", "caught", "dog"])
ROWS = 12


def possible(index=1, **wanted):
    limited = Limits(Constraints(**wanted), WORDS, ROWS).shift(index)
    return {WORDS.word(int(row)) for row in np.flatnonzero(np.isfinite(limited))}


ALL = {"</S>", "the", "cat", "Cat", "caught", "dog"}


def test_unk_the_sentence_s_start_and_rows_without_a_word_are_never_written():
    assert possible() == ALL


@pytest.mark.parametrize(
    ("patterns", "gone"),
    [(("cat",), {"cat"}), (("/^c/",), {"cat", "caught"}), (("/[A-Z]a/", "dog"), {"Cat", "dog"}), ((), set())],
)
def test_words_are_banned_by_name_or_expression(patterns, gone):
    assert possible(ban=patterns) == ALL - gone


def test_only_allowed_words_and_the_end_are_written():
    assert possible(allow=("cat", "/^d/")) == {"</S>", "cat", "dog"}


def test_a_ban_is_stronger_than_an_allowance():
    assert possible(allow=("/a/",), ban=("Cat",)) == {"</S>", "cat", "caught"}
    assert "<UNK>" not in possible(allow=("<UNK>", "cat"))


def test_words_come_from_a_file_too(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("cat\nunheard-of dog\n")

    assert possible(ban=(f"@{path}",)) == ALL - {"cat", "dog"}
    with pytest.raises(MissingError, match="cannot read the words"):
        possible(ban=("@/nowhere.txt",))


def test_a_bias_is_added_to_a_word_s_logit():
    limits = Limits(Constraints(bias=("cat=+1.5", "dog=-2", "cat=1")), WORDS, ROWS)

    logits = np.ones(ROWS, np.float32) + limits.shift(0)

    assert logits[WORDS.id("cat")] == 3.5
    assert logits[WORDS.id("dog")] == -1


def test_only_the_first_word_has_to_start_so():
    assert possible(0, starts_with="ca") == {"cat", "caught"}
    assert possible(1, starts_with="ca") == ALL


def test_no_sentence_ends_before_its_least_words_or_at_all():
    assert possible(1, min_words=2) == ALL - {"</S>"}
    assert possible(2, min_words=2) == ALL
    assert possible(9, ignore_end=True) == ALL - {"</S>"}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"ban": ("bird",)}, "'bird' is not in the model's vocabulary"),
        ({"ban": ("/(/",)}, "not a regular expression"),
        ({"bias": ("cat",)}, "a bias is WORD=X"),
        ({"bias": ("cat=much",)}, "a bias is WORD=X"),
        ({"bias": ("bird=1",)}, "not in the model's vocabulary"),
        ({"ban": ("/./",)}, "leave no word"),
        ({"starts_with": "zz"}, "leave no word"),
        ({"min_words": -1}, "min-words must be 0 or more"),
    ],
)
def test_what_cannot_be_meant_is_refused(wanted, told):
    with pytest.raises(UsageError, match=told):
        possible(**wanted)
