import numpy as np
import pytest

from lmgen.model import read
from lmgen.repl.draft import Timeline, begin, extend, logprobs, reread
from lmgen.softmax import log_probability


@pytest.fixture(scope="module")
def draft(tiny_model):
    return extend(tiny_model, begin(tiny_model), ["the", "cat", "sat"])


def test_a_draft_is_read_as_a_text_is(tiny_model, draft):
    context = read(tiny_model, ["the", "cat", "sat"])

    assert draft.context.words == context.words
    for mine, other in zip(draft.context.state, context.state, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-6)


def test_what_is_cut_off_was_never_read(tiny_model, draft):
    shorter = extend(tiny_model, draft.cut(3), ["£"])

    assert shorter.words == ("<S>", "the", "cat", "£")
    for mine, other in zip(shorter.states[-1], read(tiny_model, ["the", "cat", "£"]).state, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-6)


def test_after_the_end_of_a_sentence_the_next_one_begins(tiny_model, draft):
    """As `generate` does it: the mark ends the text's sentence, and `<S>` is read, of this model from an empty state."""
    ended = extend(tiny_model, draft, ["</S>"])

    np.testing.assert_allclose(ended.states[-1][1], begin(tiny_model).states[-1][1], rtol=0, atol=1e-6)


def test_sentences_are_joined_as_one_writes(tiny_model, draft):
    two = extend(tiny_model, draft, [".", "</S>", "£", "word1", "!", "</S>"])

    assert two.text == "the cat sat. £word1!"
    assert begin(tiny_model).text == ""


def test_the_probability_of_each_word_is_that_of_its_place(tiny_model):
    words = ["the", "cat", "xyzzy"] * 15
    draft = extend(tiny_model, begin(tiny_model), words)

    found = logprobs(tiny_model, draft)

    state = read(tiny_model, words[:-1]).state
    unknown = tiny_model.vocabulary.id("<UNK>")
    assert found.shape == (45,)
    assert found[-1] == pytest.approx(log_probability(tiny_model.logits(state)[0], unknown), abs=1e-6)
    assert logprobs(tiny_model, begin(tiny_model)).shape == (0,)


def test_rereading_gives_the_same_text_and_memory(tiny_model, draft):
    again = reread(tiny_model, draft)

    assert again.words == draft.words
    np.testing.assert_allclose(again.states[-1][0], draft.states[-1][0], rtol=0, atol=1e-6)


def test_a_timeline_goes_back_and_forth(tiny_model, draft):
    one, two = draft.cut(2), draft.cut(3)
    line = Timeline(draft.cut(1)).to(one).to(two)

    assert line.undo().present is one
    assert line.undo().undo().present.words == ("<S>",)
    assert line.undo().undo().redo().present is one
    assert line.undo().redo().present is two
    with pytest.raises(IndexError):
        line.redo()
    with pytest.raises(IndexError):
        line.undo().undo().undo()


def test_a_new_change_forgets_what_was_undone(draft):
    line = Timeline(draft.cut(1)).to(draft.cut(2)).undo().to(draft)

    assert line.present is draft
    with pytest.raises(IndexError):
        line.redo()
