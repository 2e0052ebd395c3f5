import pytest

from lmgen.scoring.score import Sentence
from lmgen.workers.shards import Shard, shards_of


def sentences(*fresh, words=9):
    return [Sentence(["the"] * words, fresh=one, number=number) for number, one in enumerate(fresh, 1)]


def test_shards_are_the_sentences_in_order():
    given = sentences(*[True] * 500)

    found = list(shards_of(given))

    assert [sentence for shard in found for sentence in shard.sentences] == given
    assert [shard.number for shard in found] == list(range(len(found)))


def test_the_first_shards_are_small():
    assert [shard.words for shard in shards_of(sentences(*[True] * 2000))] == [1030, 2050, 4100, 8200, 4620]


def test_no_shard_is_larger_than_asked_for_but_by_a_sentence():
    assert {shard.words for shard in shards_of(sentences(*[True] * 60), largest=25)} == {30}


def test_a_cut_is_made_only_where_the_state_is_emptied():
    found = list(shards_of(sentences(True, False, False, True, False, True), largest=1))

    assert [len(shard.sentences) for shard in found] == [3, 2, 1]


@pytest.mark.parametrize("change", [{"words": ["a"]}, {"fresh": False}, {"extra": {"x": 1}}, {"prefix": ["b"]}])
def test_a_shard_s_digest_differs_where_a_sentence_does(change):
    one, other = (Shard(0, (Sentence(**fields),)) for fields in ({"words": ["the"]}, {"words": ["the"], **change}))

    assert one.digest == Shard(7, (Sentence(["the"]),)).digest
    assert one.digest != other.digest
