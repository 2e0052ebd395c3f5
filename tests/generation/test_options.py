"""Options by all their names, of their types, in their ranges."""

import json

import numpy as np
import pytest

from lmgen.errors import UsageError
from lmgen.generation.constraints import Constraints, Limits
from lmgen.generation.generate import generate_all, generate_from
from lmgen.generation.options import ALIASES, Generation, changed, split_options
from lmgen.generation.sampling import Sampling
from lmgen.model import read


def test_names_of_the_command_line_are_known_in_files_too():
    given = {"max-words": 3, "num_samples": 2, "ignore_eos": True, "temp": 0.5, "id": 7}
    changes, rest = split_options(given)

    assert changes == {"max_words": 3, "samples": 2, "ignore_end": True, "temperature": 0.5}
    assert rest == {"id": 7}


def test_every_alias_is_one_of_the_command_line():
    from lmgen.cli.complete import complete

    spelled = {
        name[2:].replace("-", "_") for option in complete.params for name in option.opts if name.startswith("--")
    }

    assert set(ALIASES) <= spelled


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ban", "the", "ban must be a list of texts, not 'the'"),
        ("stop", ".", "stop must be a list of texts"),
        ("stop", [1], "stop must be a list of texts"),
        ("max_words", 2.5, "max-words must be a whole number, not 2.5"),
        ("max_words", True, "max-words must be a whole number, not True"),
        ("temperature", "hot", "temperature must be a number, not 'hot'"),
        ("ignore_end", 1, "ignore-end must be true or false, not 1"),
        ("starts_with", 3, "starts-with must be a text, not 3"),
        ("temperature", float("nan"), "temperature must be 0, or from 1e-06 to 1e"),
        ("temperature", 1e39, "temperature must be 0, or from"),
        ("temperature", 1e-40, "temperature must be 0, or from"),
        ("repetition_penalty", 1e39, "repetition-penalty must be from"),
        ("presence_penalty", float("inf"), "presence-penalty must be from"),
        ("frequency_penalty", -1e39, "frequency-penalty must be from"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(name, value, told):
    with pytest.raises(UsageError, match=told):
        changed(Generation(), {name: value})


@pytest.mark.parametrize("text", ["the=nan", "the=inf", "the=-1e39", "the", "=1", "the=x"])
def test_a_bias_is_a_number_of_a_possible_size(tiny_model, text):
    with pytest.raises(UsageError, match="a bias is WORD=X"):
        Limits(Constraints(bias=(text,)), tiny_model.vocabulary, 40)


def test_a_whole_number_will_do_where_a_number_is_wanted():
    assert changed(Generation(), {"temperature": 0}).sampling.temperature == 0


def test_lines_of_a_file_name_what_is_wrong_with_them(lmgen, writer_folder, tmp_path):
    (tmp_path / "p.jsonl").write_text('{"prefix": "the"}\n{"prefix": "the", "ban": "the"}\n')
    result = lmgen("complete", "-f", tmp_path / "p.jsonl", "-m", writer_folder, "--seed", 1)

    assert result.exit_code == 2
    assert result.err == f"lmgen: {tmp_path / 'p.jsonl'}, line 2: ban must be a list of texts, not 'the'\n"


def test_lines_of_a_file_may_spell_options_as_the_command_line_does(lmgen, writer_folder, tmp_path):
    (tmp_path / "p.jsonl").write_text(
        '{"prefix": "the", "max-words": 2, "num_samples": 2, "ignore_eos": true, "id": 5}\n'
    )
    result = lmgen("complete", "-f", tmp_path / "p.jsonl", "-m", writer_folder, "--seed", 1, "--format", "jsonl")
    rows = list(map(json.loads, result.out.splitlines()))

    assert [len(row["words"]) for row in rows] == [2, 2]
    assert all(row["id"] == 5 and "max-words" not in row for row in rows)


def texts(events):
    found = {}
    for event in events:
        if hasattr(event, "text"):
            found.setdefault((event.prompt, event.sample), []).append(event.text)
    return found


def test_equal_prompts_of_a_batch_draw_numbers_of_their_own(tiny_model):
    options = Generation(samples=2, max_words=12, seed=3, constraints=Constraints(ignore_end=True))
    both = texts(generate_all(tiny_model, [(["the"], options)] * 2))
    alone = texts(generate_from(tiny_model, read(tiny_model, ["the"]), options))

    assert len(set(map(tuple, both.values()))) == 4
    assert [both[0, sample] for sample in (0, 1)] == [alone[0, sample] for sample in (0, 1)]


def test_no_sentence_ends_before_its_min_words(tiny_model):
    options = Generation(samples=20, sentences=3, max_words=60, constraints=Constraints(min_words=4))
    for words in texts(generate_from(tiny_model, read(tiny_model, ["the"]), options)).values():
        sentences = " ".join(words).split("</S>")
        assert all(len(sentence.split()) >= 4 for sentence in sentences[:-1])


def test_samplers_that_leave_no_word_are_refused(tiny_model):
    sampling, only = Sampling(no_repeat_ngram=1), Constraints(allow=("cat",), ignore_end=True)

    with pytest.raises(UsageError, match="the samplers leave no word"):
        list(generate_from(tiny_model, read(tiny_model, ["cat"]), Generation(sampling=sampling, constraints=only)))


@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty"])
def test_each_penalty_works_alone(tiny_model, name):
    """Greedy text repeats itself until a penalty alone forbids it."""
    context, always = read(tiny_model, ["the"]), Constraints(ignore_end=True)

    def words(**more):
        options = Generation(max_words=12, sampling=Sampling(temperature=0, **more), constraints=always)
        return texts(generate_from(tiny_model, context, options))[0, 0]

    assert len(set(words())) < 12
    assert len(set(words(**{name: 1e3}))) == 12


def test_the_first_of_top_k_and_of_a_narrow_sigma_is_the_most_likely_word(tiny_model):
    context = read(tiny_model, ["the"])
    logits = tiny_model.logits(context.state)[0, 3 : len(tiny_model.vocabulary)]
    best = tiny_model.vocabulary.word(3 + int(np.argmax(logits)))
    always = Constraints(ignore_end=True)
    for sampling in (Sampling(top_k=1), Sampling(top_n_sigma=1e-3)):
        options = Generation(samples=20, max_words=1, sampling=sampling, constraints=always)
        assert set(map(tuple, texts(generate_from(tiny_model, context, options)).values())) == {(best,)}


@pytest.mark.parametrize(
    "option",
    [["--bias", "the=1"], ["--stop", "x"], ["--sentences", 2], ["--stats"], ["--audit"], ["--alternatives", 2]],
    ids=lambda option: option[0],
)
def test_what_a_beam_does_not_know_is_refused_by_name(lmgen, writer_folder, option):
    result = lmgen("complete", "the", "-m", writer_folder, "--beam", 2, *option)

    assert (result.exit_code, result.out) == (2, "")
    assert option[0] in result.err
