import gzip
import os

import numpy as np
import pytest

from lmgen.errors import IntegrityError, LmgenError, MissingError, UsageError
from lmgen.text.lines import read_lines
from lmgen.training import corpus
from lmgen.training.corpus import BOUNDARY, Corpus, build_corpus, read_sentences

SENTENCES = [["b", "a", "b"], ["c", "b"], ["a"]]


def words(corpus, tokens):
    return " ".join("|" if index == BOUNDARY else corpus.types[index] for index in tokens)


def test_types_are_the_marks_then_words_by_falling_count():
    corpus = build_corpus(SENTENCES, held_back=[])

    assert corpus.types == ["</S>", "<S>", "<UNK>", "b", "a", "c"]
    assert words(corpus, corpus.tokens) == "b a b | c b | a |"
    assert corpus.tokens.dtype == np.int32


def test_words_of_the_validation_text_alone_come_after_all_others():
    """They are in no vocabulary, but are read by their spelling."""
    corpus = build_corpus(SENTENCES, held_back=[["a", "new", "b"], ["new"]])

    assert corpus.types == ["</S>", "<S>", "<UNK>", "b", "a", "c", "new"]
    assert words(corpus, corpus.held_back) == "a new b | new |"


def test_without_a_validation_text_one_sentence_in_200_is_held_back():
    sentences = [[f"w{n}"] * (n % 7 + 1) for n in range(1000)]

    corpus = build_corpus(sentences, seed=3)

    kept = set(words(corpus, corpus.held_back).split(" |"))
    assert (corpus.held_back == BOUNDARY).sum() == 5
    assert (corpus.tokens == BOUNDARY).sum() == 995
    assert not kept & set(words(corpus, corpus.tokens).split(" |")) - {""}


def test_a_corpus_comes_back_from_its_file(tmp_path):
    corpus = build_corpus(SENTENCES, held_back=[["naïve", "a"]])

    corpus.save(tmp_path / "corpus.npz")
    again = Corpus.load(tmp_path / "corpus.npz")

    assert again.types == corpus.types
    assert np.array_equal(again.tokens, corpus.tokens)
    assert np.array_equal(again.held_back, corpus.held_back)


def test_a_damaged_corpus_is_refused(tmp_path):
    path = tmp_path / "corpus.npz"
    build_corpus(SENTENCES).save(path)
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(IntegrityError, match="damaged"):
        Corpus.load(path)


def test_text_is_read_plain_or_compressed(tmp_path):
    (tmp_path / "a.txt").write_text("one two\n\n three\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("four\n")

    paths = [tmp_path / "a.txt", tmp_path / "b.txt.gz"]

    assert list(read_sentences(paths, raw=False)) == [["one", "two"], ["three"], ["four"]]


def test_raw_text_is_tokenised_in_order(tmp_path):
    (tmp_path / "a.txt").write_text("".join(f"It's {n}.\n" for n in range(4500)))

    sentences = list(read_sentences([tmp_path / "a.txt"], raw=True))

    assert sentences == [["It", "'s", str(n), "."] for n in range(4500)]


def test_a_byte_order_mark_is_no_word(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n", encoding="utf-8-sig")

    assert list(read_sentences([tmp_path / "a.txt"], raw=False)) == [["one"], ["two"]]


@pytest.mark.parametrize(
    "data, message",
    [(b"fine\n\xff\xfe\n", "not UTF-8 text: line 2, byte 1"), (b"ELF\0\0\n", "line 1 holds a NUL byte")],
)
def test_what_is_not_text_is_refused_with_its_place(tmp_path, data, message):
    path = tmp_path / "file"
    path.write_bytes(data)

    with pytest.raises(UsageError, match=message):
        list(read_lines(path))


def test_special_tokens_in_a_text_are_left_out(tmp_path):
    path = tmp_path / "text"
    path.write_text("\ufeffa <S> b </S>\n<S> </S>\nc <UNK> !!!MAXTERMID d\n", "utf-8")

    assert list(read_sentences([path], raw=False)) == [["a", "b"], ["c", "d"]]


def test_a_killed_process_that_splits_words_ends_the_reading(tmp_path, monkeypatch):
    path = tmp_path / "text"
    path.write_text("a.\n")
    monkeypatch.setattr(corpus, "_tokenize_lines", os._exit)
    monkeypatch.setattr(corpus, "_chunks", lambda lines: iter([9]))

    with pytest.raises(LmgenError, match="was killed"):
        list(read_sentences([path], raw=True))


def test_an_absent_folder_or_broken_file_is_refused(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"text\n" * 9999)[:-20])
    for path in (tmp_path / "absent.txt", tmp_path, tmp_path / "cut.gz"):
        with pytest.raises(MissingError, match="cannot read"):
            list(read_lines(path))
