import numpy as np
import pytest

from lmgen.model import read
from lmgen.scoring.distribution import Distribution, next_candidates, next_words, suffix_logprobs
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.text.vocabulary import MARKS, Vocabulary

VOCABULARY = Vocabulary([*MARKS, "a", "b"])
LOGITS = np.log(np.array([0.1, 0.05, 0.05, 0.2, 0.4, 0.15, 0.05], np.float32))
"""Of five words and two rows without one."""


@pytest.fixture
def context(tiny_model):
    return read(tiny_model, ["the", "cat"])


def test_every_word_has_its_rank_probability_and_cumulative_mass():
    distribution = Distribution(LOGITS, VOCABULARY)

    listed = [
        (entry.word, entry.rank, round(entry.prob, 6), round(entry.cumulative, 6)) for entry in distribution.best()
    ]
    assert listed == [
        ("b", 1, 0.5, 0.5),
        ("a", 2, 0.25, 0.75),
        ("</S>", 3, 0.125, 0.875),
        ("<S>", 4, 0.0625, 0.9375),
        ("<UNK>", 5, 0.0625, 1.0),
    ]
    assert distribution.wordless == pytest.approx(0.2)
    assert distribution.unknown == pytest.approx(0.0625)
    assert distribution.entropy / np.log(2) == pytest.approx(1.875)


def test_rows_without_a_word_can_be_counted_in():
    distribution = Distribution(LOGITS, VOCABULARY, renormalize=False)

    assert distribution.best(1)[0].prob == pytest.approx(0.4)
    assert distribution.probs.sum() + distribution.wordless == pytest.approx(1)
    shares = np.exp(LOGITS)
    assert distribution.entropy == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-6)


def test_a_choice_of_words_keeps_its_ranks():
    among = np.array([True, False, False, True, False])

    assert [(entry.word, entry.rank) for entry in Distribution(LOGITS, VOCABULARY).best(5, among)] == [
        ("a", 2),
        ("</S>", 3),
    ]


@pytest.mark.parametrize("count", [0, 1, 7, 300, None])
@pytest.mark.parametrize("every", [1, 3])
def test_what_is_listed_is_the_begin_of_a_full_sort(count, every):
    """Equal words come in the vocabulary's order, and a short list sorts no more of them than it must."""
    vocabulary = Vocabulary([*MARKS, *(f"w{number}" for number in range(297))])
    distribution = Distribution(np.random.default_rng(0).integers(-9, 3, 320).astype(np.float32), vocabulary)
    order = sorted(range(300), key=lambda place: (-distribution.probs[place], place))
    expected = [
        (vocabulary.word(place), rank, distribution.probs[order[:rank]].sum())
        for rank, place in enumerate(order, 1)
        if place % every == 0
    ][:count]

    listed = distribution.best(count, np.arange(300) % every == 0)

    assert [(entry.word, entry.rank) for entry in listed] == [(word, rank) for word, rank, _ in expected]
    assert [entry.cumulative for entry in listed] == pytest.approx([mass for _, _, mass in expected])
    assert distribution.of(entry.word for entry in listed) == listed


def test_given_words_come_in_their_order_and_unknown_ones_as_unk():
    a, zork = Distribution(LOGITS, VOCABULARY).of(["a", "zork"])

    assert (a.rank, a.oov) == (2, False)
    assert (zork.word, zork.rank, zork.oov) == ("zork", 5, True)
    assert zork.prob == pytest.approx(0.0625)


def test_a_model_s_distribution_sums_to_one_and_agrees_with_scoring(tiny_model, context):
    distribution = next_words(tiny_model, context)
    [scored] = score_sentences(tiny_model, [Sentence(["the", "cat", "sat"])], Scoring(rank=True, entropy=True))

    assert distribution.probs.sum() == pytest.approx(1, abs=1e-12)
    [sat] = distribution.of(["sat"])
    assert sat.logprob == pytest.approx(scored.logprobs[2], abs=1e-6)
    assert sat.rank == scored.measures.ranks[2]
    assert distribution.entropy == pytest.approx(scored.measures.entropies[2], abs=1e-5)


def test_a_candidate_of_several_tokens_has_the_product_of_their_probabilities(tiny_model, context):
    candidates = {"sat": ["sat"], "the cat zork": ["the", "cat", "zork"]}
    distribution = next_words(tiny_model, context)
    one, several = next_candidates(tiny_model, context, distribution, candidates, Scoring())
    [scored] = score_sentences(tiny_model, [Sentence(["the", "cat", "the", "cat", "zork"])])

    assert [one] == distribution.of(["sat"])
    assert (several.word, several.rank, several.cumulative, several.oov) == ("the cat zork", None, None, True)
    assert several.logprob == pytest.approx(scored.logprobs[2:5].sum(), abs=1e-5)


def test_a_suffix_is_scored_after_several_tokens(tiny_model, context):
    [found] = suffix_logprobs(tiny_model, context, [["the", "cat"]], ["sat", "</S>"], Scoring())
    [scored] = score_sentences(tiny_model, [Sentence(["the", "cat", "the", "cat", "sat"])])

    assert found == pytest.approx(scored.logprobs[4:].sum(), abs=1e-5)


@pytest.mark.parametrize("suffix", [["sat"], ["sat", "never-seen", "</S>"]])
def test_a_suffix_is_scored_after_each_word(tiny_model, context, suffix):
    words = ["the", "zork", "voilà"]
    found = suffix_logprobs(tiny_model, context, [[word] for word in words], suffix, Scoring())

    for word, logprob in zip(words, found, strict=True):
        [scored] = score_sentences(tiny_model, [Sentence(["the", "cat", word, *suffix])])
        assert logprob == pytest.approx(scored.logprobs[3 : 3 + len(suffix)].sum(), abs=1e-5)
