"""Scores by the user's words, regions and rows; a context of its own for each text."""

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.model import read, read_on
from lmgen.scoring.measure import Scoring
from lmgen.scoring.rows import Rows, score_rows
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.scoring.sentences import Layout, regions_of, sentences_of
from lmgen.text.tokenizer import split_words

SPLIT = split_words()


def placed(*records):
    return [(record, f"row {number}") for number, record in enumerate(records, 1)]


def scores(model, layout, *records, **options):
    return list(score_sentences(model, sentences_of(placed(*records), layout), Scoring(**options)))


def rows(scored, by="word", punctuation=False):
    return list(score_rows(scored, Rows("e", by, punctuation=punctuation), None))


def test_the_sum_over_words_is_the_score_of_the_text(tiny_model):
    scored = scores(tiny_model, Layout(split=SPLIT), {"text": "The cat’s voilà… sat. Don't “know” it!", "item": 3})
    found = rows(scored)

    assert [row["word"] for row in found[:5]] == ["The", "cat’s", "voilà…", "sat.", "</S>"]
    assert [row["tokens"] for row in found] == [1, 2, 2, 2, 1, 2, 3, 2, 1]
    assert {row["item"] for row in found} == {3}
    np.testing.assert_allclose(sum(row["logprob"] for row in found), scored[0].logprobs.sum(), atol=1e-5)
    assert sum(row["oov"] for row in found) == scored[0].oov.sum()


def test_a_mark_that_the_user_wrote_is_a_word_of_the_text(tiny_model):
    scored = scores(tiny_model, Layout(), {"text": "the </S> cat"})

    assert [(row["word"], row["start"], row["end"]) for row in rows(scored)] == [
        ("the", 0, 3),
        ("</S>", 4, 8),
        ("cat", 9, 12),
        ("</S>", 12, 12),
    ]


def test_bars_cut_a_text_into_regions(tiny_model):
    scored = scores(tiny_model, Layout(split=SPLIT, bars=True), {"text": "The cat | sat, | voilà."})
    found = rows(scored, "region")

    assert [(row["region"], row["start"], row["end"], row["tokens"]) for row in found] == [
        ("The cat", 0, 7, 2),
        ("sat,", 8, 12, 2),
        ("voilà.", 13, 19, 2),
        ("</S>", 19, 19, 1),
    ]


@pytest.mark.parametrize(
    ("text", "plain", "regions"),
    [
        ("a |b| c", "a b c", ["a", "b", "c"]),
        ("| a b |", "a b ", ["", "a b", ""]),
        ("dog|s", "dogs", ["dog", "s"]),
        ("no bar", "no bar", ["no bar"]),
    ],
)
def test_a_bar_is_no_part_of_the_text(text, plain, regions):
    found, places = regions_of(text)

    assert found == plain
    assert [found[start:end] for start, end in places] == regions


def test_a_text_without_regions_is_refused_by_region(tiny_model):
    with pytest.raises(UsageError, match="no regions: put | between them"):
        rows(scores(tiny_model, Layout(), {"text": "the cat"}), "region")


WORDS = (
    {"w": "The", "s": "1", "zone": "a", "rt": 300},
    {"w": "cat", "s": "1", "zone": "b", "rt": 310},
    {"w": "sat.", "s": "1", "zone": "b", "rt": 320},
    {"w": "Voilà!", "s": "2", "zone": "b", "rt": 330},
)
LONG = Layout("w", SPLIT, sentence="s")


def test_rows_of_words_make_sentences_and_get_their_scores_back(tiny_model):
    scored = scores(tiny_model, LONG, *WORDS)
    alone = scores(tiny_model, Layout(split=SPLIT), {"text": "The cat sat."}, {"text": "Voilà!"})
    found = rows(scored)

    assert [one.sentence.text for one in scored] == ["The cat sat.", "Voilà!"]
    assert [(row["word"], row["rt"], row["tokens"]) for row in found] == [
        ("The", 300, 1),
        ("cat", 310, 1),
        ("sat.", 320, 2),
        ("Voilà!", 330, 2),
    ]
    np.testing.assert_allclose(found[2]["logprob"], alone[0].logprobs[2:4].sum(), atol=1e-6)


def test_rows_of_words_are_summed_by_region(tiny_model):
    scored = scores(tiny_model, Layout("w", SPLIT, sentence="s", region="zone"), *WORDS)

    assert [(row["s"], row["region"], row["tokens"]) for row in rows(scored, "region")] == [
        ("1", "The", 1),
        ("1", "cat sat.", 3),
        ("2", "Voilà!", 2),
    ]


def test_a_sentence_that_comes_back_is_refused_with_its_row():
    with pytest.raises(UsageError, match="row 3: s '1' comes back after others"):
        list(sentences_of(placed(WORDS[0], WORDS[3], WORDS[1]), LONG))


def test_a_missing_column_is_refused_with_its_row():
    with pytest.raises(UsageError, match="row 1 has no column 'doc', only text"):
        list(sentences_of(placed({"text": "a"}), Layout(group="doc")))


def test_the_state_is_carried_within_a_group_and_emptied_between(tiny_model):
    texts = [{"text": text, "doc": doc} for text, doc in (("the cat", "x"), ("sat", "x"), ("sat", "y"))]
    grouped = scores(tiny_model, Layout(group="doc"), *texts)
    carried = scores(tiny_model, Layout(context="stream"), *texts[:2])
    fresh = scores(tiny_model, Layout(), texts[2])

    np.testing.assert_allclose(grouped[1].logprobs, carried[1].logprobs, atol=1e-6)
    np.testing.assert_allclose(grouped[2].logprobs, fresh[0].logprobs, atol=1e-6)
    assert abs(grouped[1].logprobs - grouped[2].logprobs).max() > 1e-4


def test_each_text_is_read_after_its_own_prefix(tiny_model):
    records = [{"text": "sat", "before": "the cat"}, {"text": "sat", "before": ""}, {"text": "sat", "before": "voilà"}]
    own = scores(tiny_model, Layout(prefix="before"), *records)
    for one, record in zip(own, records, strict=True):
        [shared] = scores(tiny_model, Layout(), {"text": "sat"}, prefix=tuple(record["before"].split()))
        np.testing.assert_allclose(one.logprobs, shared.logprobs, atol=1e-6)
        assert one.tokens == ("sat", "</S>")


def test_a_prefix_can_hold_the_end_of_a_sentence(tiny_model):
    [own] = scores(tiny_model, Layout(prefix="before"), {"text": "sat", "before": "the </S> cat"})
    [shared] = scores(tiny_model, Layout(), {"text": "sat"}, prefix=("cat",))

    np.testing.assert_allclose(own.logprobs, shared.logprobs, atol=1e-6)


def test_a_fragment_has_no_end(tiny_model):
    [whole] = scores(tiny_model, Layout(), {"text": "the cat"})
    [fragment] = scores(tiny_model, Layout(), {"text": "the cat"}, end=False)

    assert fragment.tokens == ("the", "cat")
    np.testing.assert_allclose(fragment.logprobs, whole.logprobs[:-1], atol=1e-6)


def test_a_fragment_that_is_not_fresh_continues_the_one_before(tiny_model):
    parts = scores(tiny_model, Layout(group="doc"), {"text": "the cat", "doc": 1}, {"text": "sat", "doc": 1}, end=False)
    [whole] = scores(tiny_model, Layout(), {"text": "the cat sat"}, end=False)

    np.testing.assert_allclose(np.concatenate([one.logprobs for one in parts]), whole.logprobs, atol=1e-6)


def test_scores_of_words_are_those_of_a_plain_reading(tiny_model):
    [scored] = score_sentences(tiny_model, [Sentence(["the", "cat"], prefix=["sat"], text="the cat")], Scoring())
    context = read(tiny_model, ["sat"])
    for row, word in zip(rows([scored]), ("the", "cat", "</S>"), strict=True):
        logits = tiny_model.logits(context.state)[0, : len(tiny_model.vocabulary)].astype(np.float64)
        expected = logits[tiny_model.vocabulary.id(word)] - np.log(np.exp(logits).sum())
        np.testing.assert_allclose(row["logprob"], expected, atol=1e-5)
        context = read_on(tiny_model, context, [word])
