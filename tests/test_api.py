import math
import subprocess
import sys

import numpy as np
import pytest

import lmgen
from charted import sure_of
from lmgen.api import LM
from lmgen.errors import UsageError
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences


@pytest.fixture(scope="module")
def lm(tiny_folder):
    return lmgen.load(str(tiny_folder), engine="session")


def totals(model, *texts):
    return [one.logprobs.sum() for one in score_sentences(model, (Sentence(text.split()) for text in texts))]


def test_importing_it_imports_nothing_else():
    code = "import sys; import lmgen; sys.exit(any(name in sys.modules for name in ('numpy', 'tensorflow', 'click')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_load_stays_a_function_whatever_is_imported():
    import lmgen.cli

    assert callable(lmgen.load)


def test_surprisal_is_that_of_the_command_line(lm):
    rows = lm.surprisal("the cat\n\nthe zork")

    assert [(row["sentence_id"], row["token_id"], row["token"], row["oov"]) for row in rows] == [
        *((1, 1, "the", 0), (1, 2, "cat", 0), (1, 3, "</S>", 0)),
        *((3, 1, "the", 0), (3, 2, "zork", 1), (3, 3, "</S>", 0)),
    ]
    expected = totals(lm.model, "the cat", "the zork")
    assert sum(row["surprisal"] for row in rows) == pytest.approx(-sum(expected) / math.log(2), abs=1e-4)
    assert lm.surprisal("the", base="e")[0]["surprisal"] == -rows[0]["logprob"]
    assert lm.surprisal("the\nthe", context="stream")[2]["surprisal"] != rows[0]["surprisal"]


def test_surprisal_can_be_had_by_the_users_own_words_and_regions(lm):
    words = lm.surprisal("The cat’s here.", by="word", base="e")
    regions = lm.surprisal(["The cat’s | here."], by="region", base="e")

    assert [(row["word"], row["tokens"]) for row in words] == [("The", 1), ("cat’s", 2), ("here.", 2), ("</S>", 1)]
    assert [(row["region"], row["tokens"]) for row in regions] == [("The cat’s", 3), ("here.", 2), ("</S>", 1)]
    assert sum(row["surprisal"] for row in words) == pytest.approx(-lm.score("The cat’s here.")[0], abs=1e-4)
    with pytest.raises(UsageError, match="by must be one of token, word, region, not 'letter'"):
        lm.surprisal("the cat", by="letter")


def test_texts_and_words_have_vectors(lm):
    vectors = lm.embed("the cat\n\nthe zork")

    assert vectors.shape == (2, 16)
    assert lm.embed([]).shape == (0, 16)
    np.testing.assert_allclose(lm.embed("sat", "mean"), lm.embed("sat"), atol=1e-6)
    assert [near.rank for near in lm.words("out").neighbours(["cat"], count=2)] == [1, 2]
    with pytest.raises(UsageError, match="pool must be one of last, mean, not 'max'"):
        lm.embed("sat", "max")


def test_samples_begin_with_the_prefix_as_it_was_given(lm):
    [text] = lm.sample("The “cat’s”  home ", max_words=2, seed=1)

    assert text.startswith("The “cat’s”  home")
    assert len(text) > len("The “cat’s”  home")


def test_a_word_of_several_tokens_has_the_product_of_their_probabilities(lm):
    both, first = lm.words_probs("the", ["cat sat", "cat"])
    [after] = lm.words_probs("the cat", ["sat"])

    assert both == pytest.approx(first * after)


def test_there_is_a_score_for_every_sentence(lm):
    assert lm.score(["the cat", "the zork"]) == pytest.approx(totals(lm.model, "the cat", "the zork"))
    assert lm.score("the cat", reduce="mean") == pytest.approx([totals(lm.model, "the cat")[0] / 3])


@pytest.mark.parametrize("texts", ["the cat\n\nthe zork\n", ["the cat", " ", "the zork"], "the cat\r\rthe zork\r"])
def test_scores_and_rows_are_numbered_by_place_in_the_input(lm, texts):
    """`lm.score("a\\nb\\n")` had three values, of which the command left one out."""
    first, none, last = lm.score(texts)

    assert [first, last] == pytest.approx(totals(lm.model, "the cat", "the zork"))
    assert math.isnan(none)
    assert [row["sentence_id"] for row in lm.surprisal(texts)] == [1, 1, 1, 3, 3, 3]


def test_next_words_and_their_distribution(lm):
    first, second = lm.next("the cat", 2)

    assert (first.rank, second.rank) == (1, 2)
    assert first.prob >= second.prob
    assert len(lm.next("the", None)) == len(lm.model.vocabulary)
    assert lm.distribution("the").probs.sum() == pytest.approx(1)


def test_probabilities_of_words_in_a_slot(lm):
    words = ["cat", "sat", "zork"]
    probs, with_suffix = lm.words_probs("the", words), lm.words_probs("the", words, "sat the")

    assert probs[0] == pytest.approx(lm.distribution("the").of(["cat"])[0].prob)
    assert (with_suffix < probs).all()
    tail = np.exp(sum(row["logprob"] for row in lm.surprisal("the cat sat the")[1:4]))
    assert with_suffix[0] == pytest.approx(tail, rel=1e-4)


def test_samples_are_seeded_texts(lm):
    first = lm.sample("the cat", samples=2, seed=3, max_words=4)

    assert first == lm.sample("the cat", samples=2, seed=3, max_words=4)
    assert all(text.startswith("the cat") for text in first)


def test_each_sample_is_a_text_of_its_own(lm):
    samples = lm.sample("the cat", samples=3, max_words=4, ignore_end=True)

    assert [len(text.split()) for text in samples] == [6, 6, 6]
    assert len(set(samples)) == 3


@pytest.mark.parametrize(
    ("words", "sentences", "text"),
    [
        ("sat . </S> The dog 's . </S>", 2, "The cat sat. The dog's."),
        ("sat . </S> The dog 's . </S>", 1, "The cat sat."),
        ('said : " Yes </S> " No . " </S>', 2, 'The cat said: "Yes "No."'),
        ("</S> </S> No . </S> </S>", 4, "The cat No."),
    ],
    ids=["a space between", "one sentence", "quotes within their sentence", "empty ones leave no space"],
)
def test_sampled_sentences_are_joined_as_one_writes_them(words, sentences, text):
    model = sure_of(f"The cat {words}")

    assert LM(model).sample("The cat", sentences=sentences, temperature=0) == [text]


def test_how_it_scores_is_said_once(tiny_folder):
    raw = lmgen.load(str(tiny_folder), Scoring(renormalize=False), tokenized=True, engine="session")

    assert raw.surprisal("don't")[0]["token"] == "don't"
    assert raw.distribution("the").probs.sum() < 1


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("surprisal", {"base": "3"}),
        ("surprisal", {"context": "page"}),
        ("score", {"reduce": "max"}),
        ("sample", {"heat": 1}),
    ],
)
def test_options_that_are_none_are_refused(lm, verb, options):
    with pytest.raises(UsageError):
        getattr(lm, verb)("the", **options)


def test_a_base_may_be_a_number(lm):
    assert lm.surprisal("the cat", base=10) == lm.surprisal("the cat", base="10")


class Table:
    """As a DataFrame: its names are what it gives one by one."""

    columns = ("a", "b")

    def __iter__(self):
        return iter(self.columns)


def test_texts_where_lists_belong_are_refused(lm):
    with pytest.raises(UsageError, match="words are given as a list"):
        lm.words_probs("the", "cat")
    with pytest.raises(UsageError, match="a prefix is given as words"):
        Scoring(prefix="the cat")
    for verb in (lm.score, lm.surprisal):
        with pytest.raises(UsageError, match="give one of its columns"):
            verb(Table())


def test_a_text_of_sentences_is_split_unless_it_is_to_be_one(tiny_folder):
    tokens = {}
    for whole in (False, True):
        lm = lmgen.load(str(tiny_folder), engine="session", scoring=Scoring(whole=whole))
        tokens[whole] = [row["token"] for row in lm.surprisal("The cat. The cat.")]

    assert tokens[False] == ["The", "cat", ".", "</S>", "The", "cat", ".", "</S>"]
    assert "</S>" not in tokens[True][:-1]


def test_a_series_keeps_its_index_and_a_frame_its_columns(lm):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"sentence": ["the cat", " ", "sat"], "item": [7, 8, 9]}, index=["a", "b", "c"])
    scores = lm.score(frame["sentence"])
    words = lm.surprisal(frame, by="word", column="sentence").to_pandas()

    assert list(scores.index) == ["a", "b", "c"]
    np.testing.assert_allclose(scores, lm.score(["the cat", "", "sat"]))
    assert list(words.index) == ["a", "a", "a", "c", "c"]
    assert list(words["item"]) == [7, 7, 7, 9, 9]
    assert list(lm.embed(frame["sentence"]).index) == ["a", "c"]
    with pytest.raises(UsageError, match="no column 'text', only sentence, item"):
        lm.score(frame)


def test_results_of_a_generator_come_as_they_are_made(lm):
    def texts():
        yield from ("the cat", " ", "sat ")

    assert next(lm.surprisal(texts()))["token"] == "the"
    np.testing.assert_allclose(list(lm.score(texts())), lm.score(list(texts())))
    np.testing.assert_allclose(list(lm.embed(texts())), lm.embed(list(texts())))
    assert [words[0].word for words in lm.next(["the", "cat"], 1)] == [
        lm.next(one, 1)[0].word for one in ("the", "cat")
    ]


def test_each_text_has_a_prefix_of_its_own(lm):
    after, alone = lm.score(["sat", "sat"], prefixes=["the cat", ""])

    tail = lm.surprisal("the cat sat")[2:]
    assert after == pytest.approx(sum(row["logprob"] for row in tail), abs=1e-4)
    assert alone == pytest.approx(lm.score("sat")[0])
    with pytest.raises(UsageError, match="text 2 has no prefix"):
        lm.score(["sat", "sat"], prefixes=["the"])
    with pytest.raises(UsageError, match="more prefixes than texts"):
        lm.score(["sat"], prefixes=["the", "the"])


def test_rows_without_surprisal_are_shown_as_a_table(lm):
    assert "<td>the</td>" in lm.surprisal("the cat", columns="token,entropy")._repr_html_()


def test_sentences_can_be_chosen_with_answers_and_prefixes(lm):
    found = lm.choose([["cat sat", "sat zork"], ["the", "the"]], answers=[0, 1], prefixes=["the", ""])

    after = [whole - totals(lm.model, "the")[0] for whole in totals(lm.model, "the cat sat", "the sat zork")]
    assert np.diff(found[0].scores) == pytest.approx(np.diff(after))
    assert (found.accuracy.items, found[1].correct) == (2, False)
    assert lm.choose([["the", "cat"]])[0].correct is None
    with pytest.raises(UsageError, match="2 items, 1 answers and 2 prefixes"):
        lm.choose([["the", "cat"], ["cat", "sat"]], answers=[0])
    with pytest.raises(UsageError, match="an item is a list of sentences"):
        lm.choose(["the", "cat"])
    with pytest.raises(UsageError, match="reduce must be sum or mean"):
        lm.choose([["the", "cat"]], reduce="max")


def test_items_of_pandas_keep_index_and_columns_and_the_first_sentence_is_right(lm):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "sentence_good": ["cat sat", "the"],
            "sentence_bad": ["sat zork", "the cat"],
            "before": ["the", ""],
            "place": [1, None],
            "best": "mine",
        },
        index=["a", "b"],
    )
    pairs = frame[["sentence_good", "sentence_bad"]].to_numpy().tolist()
    first = lm.choose(frame, prefixes="before")
    told = lm.choose(frame, "place", prefixes=frame["before"], columns=["sentence_good", "sentence_bad"])
    listed = lm.choose(pandas.Series(pairs, index=["x", "y"]))
    expected = lm.choose(pairs, answers=[0, 0], prefixes=["the", ""])

    assert list(first.columns) == [
        *frame.columns,
        "lmgen_best",
        "scores",
        "log_ratio",
        "position",
        "parting",
        "correct",
    ]
    assert list(first.index) == ["a", "b"]
    assert first["correct"].tolist() == [one.correct for one in expected]
    np.testing.assert_allclose(first["scores"].tolist(), [one.scores for one in expected], rtol=0, atol=1e-5)
    assert told["correct"].tolist() == [expected[0].best == 1, None]
    assert (list(listed.index), listed["best"].tolist()) == (["x", "y"], [one.best for one in lm.choose(pairs)])
    with pytest.raises(UsageError, match="the table has no column 'colour'"):
        lm.choose(frame, "colour")
    with pytest.raises(UsageError, match="'place' would be a column"):
        lm.choose(pairs, "place")
