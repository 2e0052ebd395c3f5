import sys
import tracemalloc
from collections import deque
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.generation.constraints import Constraints
from lmgen.generation.events import Ended, Word
from lmgen.generation.generate import generate_all, generate_from
from lmgen.generation.options import Generation, changed
from lmgen.generation.sampling import Sampling
from lmgen.model import read, read_all
from lmgen.text.vocabulary import MARKS, Vocabulary

GREEDY = Sampling(temperature=0)


class Speller:
    """A model that has read n words is sure of the n-th word of its sentence; its state counts words."""

    def __init__(self, sentence, carries=True):
        self.sentence = sentence.split()
        self.files = SimpleNamespace(carries=carries)
        self.vocabulary = Vocabulary([*MARKS, *dict.fromkeys(self.sentence)])
        self.logits_asked = 0
        self.fed = []

    def start(self, rows=1):
        return (np.zeros((rows, 1), np.float32),)

    def advance(self, state, words):
        assert len(words) == len(state[0])
        self.fed.append(words)
        return (state[0] + 1,)

    def hidden(self, state):
        return state[0]

    def logits_in_parts(self, hidden):
        self.logits_asked += 1
        rows = np.zeros((len(hidden), len(self.vocabulary) + 3), np.float32)
        for row, count in zip(rows, hidden, strict=True):
            place = int(count[0]) - 1
            row[self.vocabulary.id(self.sentence[place]) if place < len(self.sentence) else 0] = 50
        yield from (rows[:, :2], rows[:, 2:])


def texts(events, count=1):
    written = [[] for _ in range(count)]
    for event in events:
        if isinstance(event, Word):
            written[event.sample].append(event.text)
    return written


def run(model, prefix=(), **options):
    return list(generate_from(model, read(model, prefix), Generation(**{"sampling": GREEDY, **options})))


def test_words_come_one_by_one_until_the_sentence_ends():
    events = run(Speller("the cat sat ."))

    assert [event.text for event in events[:-1]] == ["the", "cat", "sat", "."]
    assert [event.index for event in events[:-1]] == [0, 1, 2, 3]
    assert (events[-1].reason, events[-1].sample) == ("sentence", 0)


def test_a_prefix_is_gone_on_from():
    assert texts(run(Speller("the cat sat ."), ["the", "cat"])) == [["sat", "."]]


def test_max_words_counts_words():
    """The release's runner compared it with a number of characters."""
    events = run(Speller("extraordinarily long words count as one each"), max_words=3)

    assert texts(events) == [["extraordinarily", "long", "words"]]
    assert events[-1] == Ended(0, 0, "length", 0.0)


def test_a_prefix_is_read_without_predicting():
    """The softmax is most of the cost: a prefix of any length asks for it once."""
    model = Speller("a b c d e f")

    run(model, ["a", "b", "c", "d", "e"], max_words=1)

    assert model.logits_asked == 1


def test_a_long_prefix_is_read_in_constant_memory():
    words = ["a"] * 100_000
    model = Speller("a b c")
    model.fed = deque(maxlen=1)
    tracemalloc.start()

    read(model, words)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * sys.getsizeof(words)  # the words themselves, begun with <S>, and no memory but the last


def test_prefixes_of_any_length_are_read_side_by_side(tiny_model):
    texts = [["the", "cat"], [], ["a"] * 5, ["the"], ["voilà", "the", "dog"]]

    together = read_all(tiny_model, texts)

    for context, words in zip(together, texts, strict=True):
        alone = read(tiny_model, words)
        assert context.words == alone.words == ("<S>", *words)
        for layer, other in zip(context.state, alone.state, strict=True):
            np.testing.assert_allclose(layer, other, rtol=0, atol=1e-6)


def test_every_sample_starts_from_the_same_memory():
    """The release's runner went on from the sample before."""
    assert texts(run(Speller("to be or not"), samples=3), 3) == [["to", "be", "or", "not"]] * 3


def test_the_log_probability_is_the_model_s_own():
    words = [event for event in run(Speller("a"), max_words=1) if isinstance(event, Word)]

    assert words[0].logprob == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def fifty(tiny_model):
    options = Generation(samples=50, max_words=12, seed=5)
    return texts(generate_from(tiny_model, read(tiny_model, ["the"]), options), 50)


def test_samples_differ_and_end_at_their_own_time(fifty):
    assert len({tuple(words) for words in fifty}) > 40
    assert len({len(words) for words in fifty}) > 1


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_same_seed_gives_a_sample_the_same_words_among_any_number(tiny_model, fifty, count):
    options = Generation(samples=count, max_words=12, seed=5)

    assert texts(generate_from(tiny_model, read(tiny_model, ["the"]), options), count) == fifty[:count]


def test_threads_choose_the_same_words(tiny_model, fifty, monkeypatch):
    monkeypatch.setattr("lmgen.generation.generate.PARALLEL_FROM", 1)
    options = Generation(samples=50, max_words=12, seed=5)

    assert texts(generate_from(tiny_model, read(tiny_model, ["the"]), options), 50) == fifty


def test_another_seed_gives_other_words(tiny_model, fifty):
    options = Generation(samples=50, max_words=12, seed=6)

    assert texts(generate_from(tiny_model, read(tiny_model, ["the"]), options), 50) != fifty


def test_nothing_forbidden_is_ever_written(fifty):
    assert not {"<UNK>", "<S>", "</S>"} & {word for words in fifty for word in words}


def by_prompt(events):
    written = {}
    for event in events:
        if isinstance(event, Word):
            written.setdefault((event.prompt, event.sample), []).append(event.text)
    return written


@pytest.mark.parametrize("rows", [1, 3, 32])
def test_many_prompts_share_a_batch_without_touching_each_other(tiny_model, fifty, rows):
    """A row that ends makes place for the next; the words stay those of a prompt alone."""
    options = Generation(samples=5, max_words=12, seed=5)
    prompts = [(["the"], options), (["cat"], options), ([], options), (["never-seen", "sat"], options)]

    together = by_prompt(generate_all(tiny_model, prompts, rows))

    assert [together.get((0, sample), []) for sample in range(5)] == fifty[:5]
    one_more = replace(options, samples=1)  # whose own numbers the last prompt's do not depend on
    others = by_prompt(generate_all(tiny_model, [*[([], one_more)] * 3, prompts[3]]))
    assert [together.get((3, sample)) for sample in range(5)] == [others.get((3, sample)) for sample in range(5)]


def test_each_prompt_has_its_own_options(tiny_model):
    prompts = [(["the"], Generation(max_words=2)), (["the"], Generation(max_words=5, samples=2))]
    events = list(generate_all(tiny_model, prompts))

    ends = {(event.prompt, event.sample) for event in events if isinstance(event, Ended)}
    assert ends == {(0, 0), (1, 0), (1, 1)}
    assert max(event.index for event in events if isinstance(event, Word) and event.prompt == 0) < 2


def test_a_stop_text_ends_it_with_the_word_that_completes_it():
    model = Speller("I don 't know why .")

    events = run(model, stop=("n't kn",))

    assert texts(events) == [["I", "don", "'t", "know"]]
    assert events[-1].reason == "stop"


def test_a_stop_text_sees_quotes_that_the_prefix_opened():
    model = Speller('he said " I know " and left')

    events = run(model, ["he", "said", '"', "I"], stop=('know" and',))

    assert texts(events) == [["know", '"', "and"]]


def test_a_stop_text_sees_each_sentence_joined_by_itself():
    model = Speller('" a b', carries=False)

    events = run(model, sentences=3, stop=('b "a',))

    assert texts(events) == [['"', "a", "b", "</S>", '"', "a"]]
    assert events[-1].reason == "stop"


def test_sentences_go_on_with_the_memory_carried():
    model = Speller("a b c")

    events = run(model, sentences=2, max_words=7)

    assert texts(events) == [["a", "b", "c", "</S>"]]  # having read c and <S>, the speller is at its end again
    assert events[-1].reason == "sentence"
    assert len(model.fed) == 5
    assert model.fed[-1] == ["<S>"]


def test_sentences_begin_with_an_empty_state_where_the_model_was_trained_so():
    model = Speller("a b c", carries=False)

    assert texts(run(model, sentences=2)) == [["a", "b", "c", "</S>", "a", "b", "c"]]


def test_of_a_prefix_of_sentences_only_the_last_is_read_where_each_begins_empty():
    model = Speller("a b c", carries=False)

    assert texts(run(model, ["x", "y", ".", "</S>", "a"])) == [["b", "c"]]
    assert model.fed[:2] == [["<S>"], ["a"]]


def test_of_a_prefix_of_sentences_all_are_read_where_the_state_is_carried():
    model = Speller("a b c d e f")

    run(model, ["a", "b", "</S>", "d"], max_words=1)

    assert model.fed == [["<S>"], ["a"], ["b"], ["<S>"], ["d"]]


def test_a_draw_is_told_with_the_interval_it_hit(tiny_model):
    options = Generation(samples=3, max_words=6, seed=1)
    words = [event for event in generate_from(tiny_model, read(tiny_model, []), options) if isinstance(event, Word)]

    for word in words:
        draw, low, high = word.interval
        assert low <= draw < high
        assert np.isclose(np.log(high - low), word.logprob, atol=1.5)  # but for what may not be written


def test_measures_and_alternatives_are_told_if_asked_for(tiny_model):
    wanted = Generation(max_words=1, seed=2, alternatives=3, measure=True, constraints=Constraints(ban=("the",)))
    context = read(tiny_model, ["cat"])
    first = next(generate_from(tiny_model, context, wanted))

    logits = tiny_model.logits(context.state)[0].astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum()
    best = np.argsort(-shares[:33])[:3]
    assert [word for word, _ in first.alternatives] == [tiny_model.vocabulary.word(int(index)) for index in best]
    assert [share for _, share in first.alternatives] == pytest.approx(shares[best].tolist(), rel=1e-5)
    assert first.entropy == pytest.approx(-(shares * np.log2(shares)).sum(), rel=1e-5)
    assert first.masked == pytest.approx(shares[[1, 2, 3]].sum() + shares[33:].sum(), rel=1e-5)


def test_options_are_changed_by_name():
    options = changed(Generation(), {"max_words": 3, "top_k": 5, "ban": ["the"], "unknown": 1})

    assert (options.max_words, options.sampling.top_k, options.constraints.ban) == (3, 5, ("the",))
    with pytest.raises(UsageError, match="temperature must be a number"):
        changed(Generation(), {"temperature": "hot"})


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"max_words": 0}, {"seed": -1}, {"sentences": 0}, {"stop": ("",)}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        Generation(**wrong)
