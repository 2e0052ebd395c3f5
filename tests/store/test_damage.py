"""A damaged file is refused in one line, or changes nothing: no crash, no hang, no other words."""

import itertools

import pytest

import damage
from lmgen.store.home import home

FAST = ("complete", "the", "--seed", "1", "--max-words", "5", "-m", "WORK")
EXACT = (*FAST, "--precision", "exact")
PLACES = {
    "checkpoint": (FAST, "ckpt-*"),
    "checkpoint of exact": (EXACT, "ckpt-*"),
    "converted": (FAST, "litert-fast/*"),
    "converted for exact": (EXACT, "litert-exact/*"),
    "vocabulary": (FAST, "vocab-*"),
    "manifest": (FAST, "model.toml"),
}


@pytest.mark.parametrize("place", PLACES)
def test_damage_is_refused_or_changes_nothing(all_converted_folder, tmp_path, place):
    trials = ((*PLACES[place], way) for way in damage.WAYS)
    wrong = [
        damage.trial(all_converted_folder, tmp_path / "copy", what, seed)
        for what, seed in itertools.product(trials, range(3))
    ]

    assert list(filter(None, wrong)) == []


def test_damaged_packed_weights_are_packed_anew(all_converted_folder, monkeypatch):
    monkeypatch.setattr("lmgen.engines.litert.LEAST_BYTES", 0)
    arguments = [*FAST[:-1], str(all_converted_folder)]
    expected = damage.outcome(arguments)
    [packed] = (home() / "packed").iterdir()
    for seed, way in enumerate(damage.WAYS * 2):
        damage.damage(packed, "*", way, seed)
        assert damage.outcome(arguments) == expected

    assert expected[0] == 0
