import numpy as np

from lmgen.generation.prefixes import Prefixes


def state(number):
    return (np.full((1, 100), number, np.float32),)


def test_the_longest_text_that_was_read_is_found():
    prefixes = Prefixes(10_000)
    for count in (1, 3):
        prefixes.keep(("a", "b", "c", "d")[:count], state(count))

    count, found = prefixes.longest(("a", "b", "c", "x"))

    assert (count, found[0][0, 0]) == (3, 3)
    assert prefixes.longest(("b", "c")) == (0, None)


def test_what_was_not_used_for_longest_is_forgotten():
    prefixes = Prefixes(1_300)
    for word in "abc":
        prefixes.keep((word,), state(0))
        prefixes.longest(("a",))

    assert [prefixes.longest((word,))[0] for word in "abc"] == [1, 0, 1]
    assert prefixes.size <= 1_300


def test_a_text_kept_twice_takes_its_place_once():
    prefixes = Prefixes(10_000)
    prefixes.keep(("a",), state(1))
    before = prefixes.size
    prefixes.keep(("a",), state(2))

    assert prefixes.size == before
    assert prefixes.longest(("a",))[1][0][0, 0] == 2
