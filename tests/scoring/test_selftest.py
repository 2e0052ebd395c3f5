"""A model's known answers, here computed by NumPy."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from lmgen.checkpoint.manifest import Expectation, Manifest
from lmgen.checkpoint.names import shards
from lmgen.scoring.selftest import answers
from lmgen.text.vocabulary import LITERAL, Vocabulary

import reference

TEXT = "the cat sat voilà nowhere"
STARTS = {"<S>": ["<S>"], "spelled": [f"{LITERAL}<S>"], "nothing": []}


@pytest.fixture(scope="module")
def expected(tiny_words, tiny_weights):
    """For each start: bits of the words that can be scored, and the three most likely after each word."""
    vocabulary, variables = Vocabulary(tiny_words), shards(tiny_weights)

    def compute(start):
        words, bits, top = TEXT.split(), [], []
        state = [np.zeros((1, 40))] * 2
        for read, word in enumerate([*STARTS[start], *words], 1 - len(STARTS[start])):
            state = reference.advance(variables, state, vocabulary.all_char_ids([word]))
            [logits] = reference.logits(variables, state)
            if read < len(words):
                shares = np.exp(logits - logits.max())
                bits.append(-np.log2(shares[vocabulary.id(words[read])] / shares.sum()))
            best = np.argsort(-logits[: len(tiny_words)])[:3]
            top.append(" ".join(tiny_words[index] for index in best))
        return tuple(map(float, bits)), tuple(top)

    return {start: compute(start) for start in STARTS}


@pytest.mark.parametrize("start", STARTS)
def test_numpy_s_surprisals_are_the_model_s(tiny_model, expected, start):
    bits, _ = expected[start]
    found = answers(tiny_model, Expectation("NumPy", TEXT, (start,), bits=bits))

    assert len(found) == 5 - (start == "nothing")
    assert all(answer.passed and abs(answer.difference) < 1e-4 for answer in found)


@pytest.mark.parametrize("start", ["<S>", "spelled"])
def test_numpy_s_likeliest_words_are_the_model_s(tiny_model, expected, start):
    _, top = expected[start]
    found = answers(tiny_model, Expectation("NumPy", TEXT, (start,), top=top))

    assert [answer.got for answer in found] == list(top)
    assert all(answer.passed for answer in found)


def test_of_several_starts_the_one_that_suits_is_taken(tiny_model, expected):
    bits, top = expected["spelled"]
    found = answers(tiny_model, Expectation("NumPy", TEXT, ("<S>", "spelled"), bits=bits, top=top))

    assert all(answer.passed for answer in found)
    assert found[0].text == "spelled <S> the"


def test_only_the_last_words_may_be_quoted(tiny_model, expected):
    found = answers(tiny_model, Expectation("NumPy", TEXT, bits=expected["<S>"][0][-2:]))

    assert [answer.text for answer in found] == ["<S> the cat sat voilà", "<S> the cat sat voilà nowhere"]
    assert all(answer.passed for answer in found)


def test_a_wrong_start_or_order_does_not_pass(tiny_model, expected):
    bits = expected["spelled"][0]
    swapped = tuple(" ".join(reversed(words.split())) for words in expected["<S>"][1])

    assert not any(answer.passed for answer in answers(tiny_model, Expectation("", TEXT, ("<S>",), bits=bits))[:2])
    assert not any(answer.passed for answer in answers(tiny_model, Expectation("", TEXT, top=swapped)))


@pytest.fixture
def quoted(tiny_folder, tmp_path, expected):
    """A model whose manifest quotes NumPy."""

    def make(**changes):
        folder = shutil.copytree(tiny_folder, tmp_path / "quoted")
        manifest = Manifest.load(folder / "model.toml")
        quotes = Expectation("NumPy", TEXT, ("<S>",), *expected["<S>"])
        replace(manifest, expectations=(replace(quotes, **changes),)).save(folder / "model.toml")
        return folder

    return make


def test_the_command_prints_what_was_expected_and_got(lmgen, quoted, expected):
    result = lmgen("models", "selftest", quoted())

    assert (result.exit_code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split() == ["difference", "expected", "got", "text"]
    bits = f"{expected['<S>'][0][0]:.4f}"
    assert any(re.fullmatch(rf"ok +[+-]0\.0000 +{bits} +{bits} +<S> the *", line) for line in lines)
    assert "From:\n  NumPy" in result.out


def test_the_command_fails_where_an_answer_differs(lmgen, quoted, expected):
    bits = expected["<S>"][0]
    result = lmgen("models", "selftest", quoted(bits=(*bits[:4], bits[4] + 0.02)), "--format", "json")

    assert result.exit_code == 1
    assert "1 of 11 answers of" in result.err
    assert [row["difference"] for row in json.loads(result.out) if not row["passed"]] == [
        pytest.approx(-0.02, abs=1e-4)
    ]


def test_a_model_that_nothing_is_known_of_is_refused(lmgen, tiny_folder):
    result = lmgen("models", "selftest", tiny_folder)

    assert result.exit_code == 2
    assert "nothing is quoted" in result.err


def test_a_folder_can_be_taken_for_the_release(lmgen, released_folder):
    """A random model of its layout fails it: not one surprisal of the real one is met."""
    result = lmgen("models", "selftest", released_folder, "--as", "lm1b")

    assert result.exit_code == 1
    assert "of 47 answers" in result.err
