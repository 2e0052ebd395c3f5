import numpy as np
import pytest

from lmgen.errors import IntegrityError, MissingError, UsageError
from lmgen.generation.options import Generation, changed
from lmgen.repl import saved
from lmgen.repl.draft import begin, extend
from lmgen.repl.saved import Session


@pytest.fixture
def session(tiny_model):
    draft = extend(tiny_model, begin(tiny_model), ["the", "caf\udce9", "</S>"])
    options = changed(Generation(), {"temperature": 0.5, "ban": ("the",), "max_words": 7, "order": ("top-k",)})
    return Session("tiny", "side", {"main": draft.cut(2), "side": draft}, options)


@pytest.fixture
def file(session, tmp_path):
    saved.save(session, tmp_path / "text.lmgen")
    return tmp_path / "text.lmgen"


def test_a_session_comes_back_as_it_was(session, file, tiny_model):
    back = saved.load(file, tiny_model)

    assert (back.model, back.branch, back.options) == (session.model, session.branch, session.options)
    assert {name: draft.words for name, draft in back.branches.items()} == {
        name: draft.words for name, draft in session.branches.items()
    }
    for mine, other in zip(back.branches["side"].states, session.branches["side"].states, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-6)


def test_nothing_but_the_file_is_left(file):
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["text.lmgen"]


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.9])
def test_one_flipped_byte_is_found_wherever_it_is(file, tiny_model, share):
    data = bytearray(file.read_bytes())
    data[int(len(data) * share)] ^= 255
    file.write_bytes(data)

    with pytest.raises(IntegrityError, match="damaged"):
        saved.load(file, tiny_model)


@pytest.mark.parametrize("content", [b"", b"The cat sat.\n", b"PK\x03\x04 half"])
def test_what_is_no_session_is_refused(tmp_path, tiny_model, content):
    (tmp_path / "other").write_bytes(content)

    with pytest.raises(IntegrityError, match="not what /save writes"):
        saved.load(tmp_path / "other", tiny_model)


def test_half_a_file_is_refused(file, tiny_model):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    with pytest.raises(IntegrityError):
        saved.load(file, tiny_model)


def test_memories_that_do_not_fit_the_words_are_refused(file, tiny_model):
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["0:main"] = arrays["0:main"][:1]
    with open(file, "wb") as out:
        np.savez(out, **arrays)

    with pytest.raises(IntegrityError):
        saved.load(file, tiny_model)


def test_another_models_session_is_refused_by_its_name(file, tiny_model):
    class Other:
        vocabulary = tiny_model.vocabulary

        def start(self, rows=1):
            return tiny_model.start(rows)

        def advance(self, state, words):
            return tuple(layer + 0.5 for layer in tiny_model.advance(state, words))

    with pytest.raises(UsageError, match="/model tiny first"):
        saved.load(file, Other())


def test_a_missing_file_and_an_absent_folder_are_told(session, tmp_path, tiny_model):
    with pytest.raises(MissingError, match="there is no file"):
        saved.load(tmp_path / "absent", tiny_model)
    with pytest.raises(MissingError, match="cannot write"):
        saved.save(session, tmp_path / "absent" / "text")


def test_a_file_that_is_no_session_is_never_replaced(session, tmp_path):
    (tmp_path / "story.txt").write_text("Once")

    with pytest.raises(UsageError, match="is not a saved session"):
        saved.save(session, tmp_path / "story.txt")
    assert (tmp_path / "story.txt").read_text() == "Once"
