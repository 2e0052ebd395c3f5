import numpy as np
import pytest

from lmgen.text.vocabulary import MARKS, Vocabulary
from lmgen.training.batches import Spelling, ahead, choose_candidates, columns, shuffled, windows
from lmgen.training.corpus import BOUNDARY

TOKENS = np.array([3, 4, 5, 0, 6, 0, 7, 8, 0, 9, 9, 9, 9, 0], np.int32)


def sentences(tokens):
    return sorted(tuple(part) for part in np.split(tokens, np.flatnonzero(tokens == BOUNDARY) + 1)[:-1])


def test_shuffling_keeps_every_sentence_whole():
    mixed = shuffled(TOKENS, np.random.default_rng(2))

    assert sentences(TOKENS) == sentences(mixed)
    assert mixed.tolist() != TOKENS.tolist()


def test_every_target_is_the_next_input():
    first, second = (next_ for next_, _ in zip(windows(np.tile(TOKENS, 9), 5, 4, (0, 0), 1), range(2), strict=False))

    assert first.inputs.shape == first.targets.shape == (5, 4)
    assert np.array_equal(first.inputs[1:], first.targets[:-1])
    assert np.array_equal(second.inputs[0], first.targets[-1])


def test_windows_go_on_from_any_position():
    text = np.tile(TOKENS, 20)
    from_start = [window for window, _ in zip(windows(text, 5, 4, (0, 0), 1), range(40), strict=False)]

    for skipped in (1, 13, 14, 27):
        later = next(windows(text, 5, 4, from_start[skipped - 1].position, 1))
        assert np.array_equal(from_start[skipped].inputs, later.inputs)


def test_each_epoch_has_another_order():
    text = np.tile(TOKENS, 20)

    first, second = next(windows(text, 5, 4, (0, 0), 1)), next(windows(text, 5, 4, (1, 0), 1))

    assert not np.array_equal(first.inputs, second.inputs)


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
def test_validation_deals_out_whole_sentences_once_each(rows):
    inputs, targets = columns(TOKENS, rows, 3)

    assert inputs.shape[0] % 3 == 0
    dealt = [tokens for column in targets.T for tokens in sentences(column[column >= 0])]
    assert sorted(dealt) == sentences(TOKENS)
    for column_in, column_out in zip(inputs.T, targets.T, strict=True):
        used = (column_out >= 0).sum()
        assert column_in[:used].tolist() == [BOUNDARY, *column_out[: used - 1]][:used]


def test_each_distinct_word_is_spelled_once_and_found_again():
    types = [*MARKS, "cat", "a" * 30, "voilà", "x" * 60]
    vocabulary = Vocabulary(types)
    ids = np.array([[3, 4, 0], [6, 3, 5]])

    (short, long), places = Spelling(types, vocabulary).distinct(ids)

    assert short.shape[1] == 19
    assert long.shape[1] == 50
    assert len(short) % 128 == len(long) % 128 == 0
    for index, place in zip(ids.flat, places.flat, strict=True):
        row = short[place] if place < len(short) else long[place - len(short)]
        word = "<S>" if index == BOUNDARY else types[index]
        expected = vocabulary.char_ids(word)
        assert row.tolist() == expected[: len(row)].tolist()
        assert set(expected[len(row) :]) <= {4}


def test_candidates_hold_the_frequent_words_and_every_target_once():
    targets = np.array([1, 50, 99, 50, 3])

    chosen = choose_candidates(targets, 100, 10, 40, np.random.default_rng(0))

    assert len(chosen.ids) == len(set(chosen.ids)) == 40
    assert set(chosen.ids) >= {*range(10), 50, 99}
    assert np.array_equal(chosen.ids[chosen.labels], targets)


def test_drawn_candidates_stand_for_all_words_not_chosen():
    """Weighted by their correction, 28 draws count as the 88 words they were drawn from."""
    chosen = choose_candidates(np.array([50, 99]), 100, 10, 40, np.random.default_rng(0))

    assert np.exp(chosen.correction).sum() == pytest.approx(100, rel=1e-5)


def test_with_enough_candidates_the_softmax_is_full():
    chosen = choose_candidates(np.array([5, 2]), 30, 10, 30, np.random.default_rng(0))

    assert chosen.ids.tolist() == list(range(30))
    assert not chosen.correction.any()
    assert chosen.labels.tolist() == [5, 2]


def test_more_targets_than_candidates_are_all_kept():
    targets = np.arange(20, 80)

    chosen = choose_candidates(targets, 100, 10, 30, np.random.default_rng(0))

    assert np.array_equal(chosen.ids[chosen.labels], targets)


def test_a_batch_of_many_rare_words_has_more_candidates_so_that_some_are_drawn():
    targets = np.arange(2000, 5500)

    chosen = choose_candidates(targets, 30_000, 2048, 4096, np.random.default_rng(0))

    assert len(chosen.ids) == 4096 + 2 * 1024
    assert np.array_equal(chosen.ids[chosen.labels], targets)
    assert np.count_nonzero(chosen.correction) >= 512


def test_more_frequent_words_than_there_are_candidates_or_words_do_no_harm():
    chosen = choose_candidates(np.array([3, 1400]), 1500, 2048, 1024, np.random.default_rng(0))

    assert len(chosen.ids) == len(set(chosen.ids.tolist())) == 1024
    assert chosen.ids[chosen.labels].tolist() == [3, 1400]
    assert np.exp(chosen.correction).sum() == pytest.approx(1500, rel=1e-5)


def test_work_done_ahead_arrives_in_order_and_so_do_its_errors():
    def items():
        yield from range(20)
        raise ValueError("at the end")

    received = ahead(items())

    assert [next(received) for _ in range(20)] == list(range(20))
    with pytest.raises(ValueError, match="at the end"):
        next(received)
