from dataclasses import replace

import numpy as np
import pytest

from lmgen.checkpoint.names import shards
from lmgen.errors import UsageError
from lmgen.model import read, read_on
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, hidden_states, score_sentences

import reference
from conftest import load

ALL = Scoring(rank=True, entropy=True)


@pytest.fixture(params=["tiny_folder", "released_folder"], scope="module")
def model(request):
    return load(str(request.getfixturevalue(request.param)))


def texts(count, seed=0):
    """Sentences of 0 to 12 words, some of them unknown."""
    rng = np.random.default_rng(seed)
    words = ["the", "cat", "sat", "voilà", "£", "never-seen", "x" * 60, *(f"word{n}" for n in range(30))]
    return [rng.choice(words, rng.integers(0, 13)).tolist() for _ in range(count)]


def one_at_a_time(model, words, before=("<S>",), renormalize=True):
    """(logprob, rank, entropy) of every word and of `</S>`, each from a softmax of its own, in float64."""
    context = read_on(model, read(model, []), before[1:])
    found = []
    for word in (*words, "</S>"):
        logits = model.logits(context.state)[0].astype(np.float64)
        known = logits[: len(model.vocabulary)]
        shown = known if renormalize else logits
        logprobs = shown - np.log(np.exp(shown).sum())
        target = model.vocabulary.id(word)
        rank = 1 + (known > known[target]).sum()
        found.append((logprobs[target], rank, -(np.exp(logprobs) * logprobs).sum()))
        context = read_on(model, context, [word])
    return np.array(found)


def columns(scored):
    return np.stack([scored.measures.logprobs, scored.measures.ranks, scored.measures.entropies], 1)


@pytest.mark.parametrize("carried", [True, False])
def test_sentences_within_a_text_are_scored_with_the_state_carried_or_emptied(model, carried):
    words = ["the", "cat", "</S>", "never-seen", "sat"]
    [scored] = score_sentences(model, [Sentence(words, carried=carried)], ALL)
    alone = list(score_sentences(model, [Sentence(words[:2]), Sentence(words[3:], fresh=not carried)], ALL))

    assert scored.tokens == (*words, "</S>")
    np.testing.assert_allclose(columns(scored), np.concatenate([columns(part) for part in alone]), atol=1e-6)


def test_the_states_of_a_text_of_sentences_are_those_it_is_scored_with(model):
    for carried in (True, False):
        sentence = Sentence(["the", "cat", "</S>", "sat"], carried=carried)
        [scored] = score_sentences(model, [sentence], Scoring(renormalize=False))
        hidden = hidden_states(model, sentence, Scoring())
        logits = model.logits_of(hidden).astype(np.float64)
        logprobs = logits[np.arange(5), scored.ids] - np.log(np.exp(logits).sum(1))
        np.testing.assert_allclose(scored.logprobs, logprobs, atol=1e-5)


def test_scores_are_those_of_one_word_at_a_time(model):
    sentences = texts(40)

    for words, scored in zip(sentences, score_sentences(model, map(Sentence, sentences), ALL), strict=True):
        assert scored.tokens == (*words, "</S>")
        assert scored.oov.tolist() == [word not in model.vocabulary for word in scored.tokens]
        expected = one_at_a_time(model, words)
        assert np.abs(columns(scored) - expected)[:, [0, 2]].max() < 1e-5
        assert columns(scored)[:, 1].tolist() == expected[:, 1].tolist()


def test_scores_agree_with_a_plain_forward_pass(model, tiny_weights):
    variables = shards(tiny_weights)
    for words, scored in zip(texts(20), score_sentences(model, map(Sentence, texts(20))), strict=True):
        state = [np.zeros((1, 40))] * 2
        for place, word in enumerate(("<S>", *words)):
            state = reference.advance(variables, state, model.vocabulary.all_char_ids([word]))
            logits = reference.logits(variables, state)[0, : len(model.vocabulary)]
            expected = logits[scored.ids[place]] - np.log(np.exp(logits).sum())
            assert abs(scored.logprobs[place] - expected) < 1e-5


@pytest.mark.parametrize("options", [replace(ALL, rows=1), replace(ALL, rows=3), replace(ALL, rows=500)])
def test_neither_batch_nor_window_nor_block_changes_a_bit(all_converted_folder, options, monkeypatch):
    model = load(all_converted_folder, "litert")
    expected = [columns(scored) for scored in score_sentences(model, map(Sentence, texts(60)), ALL)]
    monkeypatch.setattr("lmgen.scoring.measure.FIRST_WINDOW", 16)
    monkeypatch.setattr("lmgen.scoring.measure.WINDOW", 50)
    monkeypatch.setattr("lmgen.scoring.measure.BLOCK", 1)
    monkeypatch.setattr("lmgen.scoring.measure.LEAST_POSITIONS", 7)
    monkeypatch.setattr("lmgen.scoring.measure.CHUNK", 100)

    found = [columns(scored) for scored in score_sentences(model, map(Sentence, texts(60)), options)]

    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("window", [1, 9, 10_000])
def test_memory_is_carried_where_a_sentence_does_not_start_afresh(tiny_model, window, monkeypatch):
    monkeypatch.setattr("lmgen.scoring.measure.FIRST_WINDOW", window)
    sentences, fresh = texts(12), [True, False, False, True, True, False, False, False, False, True, False, False]
    before = ()

    found = score_sentences(tiny_model, map(Sentence, sentences, fresh), replace(ALL, rows=2))

    for words, start, scored in zip(sentences, fresh, found, strict=True):
        before = ("<S>",) if start else (*before, "<S>")
        assert np.abs(columns(scored) - one_at_a_time(tiny_model, words, before)).max() < 1e-5
        before = (*before, *words)


def test_the_first_sentence_always_starts_afresh(tiny_model):
    [lone] = score_sentences(tiny_model, [Sentence(["the", "cat"], fresh=False)], Scoring(prefix=("sat",)))

    assert np.abs(lone.logprobs - one_at_a_time(tiny_model, ["the", "cat"], ("<S>", "sat"))[:, 0]).max() < 1e-5


@pytest.mark.parametrize("prefix", [("the",), ("the", "never-seen", "cat")])
def test_a_prefix_is_read_and_not_scored(tiny_model, prefix):
    [whole] = score_sentences(tiny_model, [Sentence([*prefix, "sat", "."])])
    [rest] = score_sentences(tiny_model, [Sentence(["sat", "."])], Scoring(prefix=prefix))

    assert rest.tokens == ("sat", ".", "</S>")
    assert np.allclose(rest.logprobs, whole.logprobs[len(prefix) :], rtol=0, atol=1e-6)


def test_rows_without_a_word_are_left_out_or_counted_in(tiny_model):
    words = ["the", "cat"]
    [left_out] = score_sentences(tiny_model, [Sentence(words)])
    [counted] = score_sentences(tiny_model, [Sentence(words)], Scoring(renormalize=False))

    assert np.abs(counted.logprobs - one_at_a_time(tiny_model, words, renormalize=False)[:, 0]).max() < 1e-5
    assert (left_out.logprobs > counted.logprobs).all()


def test_unknown_words_are_read_by_their_letters_or_as_unk(tiny_model):
    def after(word, how):
        [scored] = score_sentences(tiny_model, [Sentence([word, "cat"])], Scoring(oov_input=how))
        assert scored.oov.tolist() == [word not in tiny_model.vocabulary, False, False]
        return scored.logprobs[1]

    assert after("zork", "chars") != after("blip", "chars")
    assert after("zork", "unk") == after("blip", "unk") == after("<UNK>", "chars")
    assert after("the", "unk") == after("the", "chars")


def test_marks_can_be_read_by_their_letters(tiny_folder, tiny_model):
    spelled = load(str(tiny_folder), spelled_marks=True)
    [scored] = score_sentences(spelled, [Sentence(["the"])])
    [usual] = score_sentences(tiny_model, [Sentence(["the"])])

    start = spelled.vocabulary.char_ids("<S>")
    assert bytes(start[1:4].tolist()) == b"<S>"
    assert scored.logprobs[0] != usual.logprobs[0]


def test_what_is_not_asked_for_is_not_computed(tiny_model):
    [scored] = score_sentences(tiny_model, [Sentence(["the"])])

    assert scored.measures.ranks.tolist() == [0, 0]
    assert np.isnan(scored.measures.entropies).all()


class Counting:
    """A model that counts the rows of each softmax."""

    def __init__(self, model):
        self._model, self.softmaxes = model, []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def logits_in_parts(self, hidden):
        self.softmaxes.append(len(hidden))
        return self._model.logits_in_parts(hidden)


def test_the_softmax_runs_once_per_block_of_positions(tiny_model, monkeypatch):
    monkeypatch.setattr("lmgen.scoring.measure.BLOCK", 50 * len(tiny_model.vocabulary))
    monkeypatch.setattr("lmgen.scoring.measure.LEAST_POSITIONS", 1)
    model = Counting(tiny_model)
    scored = list(score_sentences(model, map(Sentence, texts(80)), Scoring(rows=10)))

    assert sum(model.softmaxes) == sum(len(one.tokens) for one in scored)
    assert set(model.softmaxes[:-1]) == {50}


def test_only_a_window_of_the_text_is_kept(tiny_model, monkeypatch):
    monkeypatch.setattr("lmgen.scoring.measure.FIRST_WINDOW", 10)
    monkeypatch.setattr("lmgen.scoring.measure.WINDOW", 20)
    taken = []

    def sentences():
        for number in range(200):
            taken.append(number)
            yield Sentence(["the"] * 4)

    ahead = [len(taken) - number for number, _ in enumerate(score_sentences(tiny_model, sentences()))]

    assert ahead[0] == 2
    assert max(ahead) == 4


def test_a_long_sentence_goes_through_in_blocks(tiny_model, monkeypatch):
    monkeypatch.setattr("lmgen.scoring.measure.BLOCK", 1)
    words = ["the", "cat", "never-seen"] * 200
    [scored] = score_sentences(tiny_model, [Sentence(words)])

    assert len(scored.logprobs) == 601
    assert np.abs(scored.logprobs - one_at_a_time(tiny_model, words)[:, 0]).max() < 1e-5


def test_nothing_to_score_is_no_score(tiny_model):
    assert list(score_sentences(tiny_model, [])) == []


def test_hidden_states_are_those_of_which_the_scores_are_made(tiny_model):
    [scored] = score_sentences(tiny_model, [Sentence(["the", "cat"])], Scoring(prefix=("sat",), renormalize=False))
    hidden = hidden_states(tiny_model, Sentence(["the", "cat"]), Scoring(prefix=("sat",)))
    logits = tiny_model.logits_of(hidden).astype(np.float64)

    logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert np.abs(logprobs[np.arange(3), scored.ids] - scored.logprobs).max() < 1e-5


@pytest.mark.parametrize("wrong", [{"oov_input": "letters"}, {"rows": 0}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        Scoring(**wrong)
