"""What lines do to a text, with a tiny model."""

import io

import click
import numpy as np
import pytest

from lmgen.cli.repl import settable
from lmgen.errors import IntegrityError, UsageError
from lmgen.generation.output import Style
from lmgen.model import read
from lmgen.repl import commands
from lmgen.repl.commands import COMMANDS, Leave
from lmgen.repl.repl import Repl
from lmgen.repl.settings import Settings
from lmgen.softmax import probabilities


class Session(Repl):
    """A REPL whose answers are read off."""

    def __init__(self, model):
        super().__init__(lambda name: model, "tiny", Settings(settable.params), io.StringIO())
        self.given = {"seed": 5, "max_words": 6, "ignore_end": True}

    def read(self, line):
        commands.read(self, line)

    def tell(self, *lines):
        """What the last of some lines is answered with."""
        for line in lines:
            self._out.seek(0)
            self._out.truncate()
            self.read(line)
        return self._out.getvalue()


@pytest.fixture
def session(tiny_model):
    return Session(tiny_model)


def test_a_text_is_read_and_written_on_from(session):
    answer = session.tell("the cat")

    assert answer.startswith("the cat ")
    assert session.draft.text == answer.strip()
    assert (len(session.draft.words), session.draft.written) == (9, 6)


def test_the_memory_is_that_of_the_text(session, tiny_model):
    session.tell("the cat", "sat", "")

    state = read(tiny_model, session.draft.words[1:]).state
    assert len(session.draft.words) == 1 + 2 + 6 + 1 + 6 + 6 == len(session.draft.states)
    for mine, other in zip(session.draft.context.state, state, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)


def test_enter_alone_goes_on_and_says_only_what_is_new(session):
    first = session.tell("the cat").strip()
    more = session.tell("").strip()

    assert session.draft.text == f"{first} {more}"


def test_where_a_sentence_is_complete_the_next_one_begins(session):
    """Enter after a full stop is not answered with nothing."""
    answer = session.tell("/set ignore-eos off", "/set bias </S>=50", "the")

    assert answer == "the\n"
    assert session.draft.words == ("<S>", "the", "</S>", "</S>")  # the second with the same bias
    assert session.draft.written == 2


def test_the_same_seed_writes_the_same_session(tiny_model):
    lines = ("the cat", "", "/regen", "/text")

    assert Session(tiny_model).tell(*lines) == Session(tiny_model).tell(*lines)


def test_undo_takes_back_writing_and_typing_one_by_one(session):
    whole = session.tell("the cat").strip()

    assert session.tell("/undo") == "the cat\n"
    assert session.tell("/undo") == "(no text)\n"
    assert session.tell("/redo", "/redo") == f"{whole}\n"
    with pytest.raises(UsageError, match="nothing to redo"):
        session.read("/redo")


def test_undo_goes_back_to_the_very_same_memory(session):
    session.tell("the cat")
    before = session.draft
    session.tell("sat", "/undo", "/undo")

    assert session.draft is before


def test_regen_writes_something_else_and_undo_brings_the_first_back(session):
    first = session.tell("the cat").strip()
    second = session.tell("/regen", "/text").strip()

    assert second.startswith("the cat ")
    assert second != first
    assert session.tell("/undo").strip() == first


def test_regen_has_nothing_to_do_where_the_model_did_not_write_last(session):
    with pytest.raises(UsageError, match="wrote nothing last"):
        session.read("/regen")


def test_next_shows_the_models_distribution(session, tiny_model):
    rows = session.tell("the cat", "/undo", "/next 3").splitlines()

    logits = tiny_model.logits(read(tiny_model, ["the", "cat"]).state)[0]
    shares = probabilities(logits)
    shares[[0, 1, 2]] = 0  # the end, here ignored, and what is never written
    best = np.argsort(-shares[: len(tiny_model.vocabulary)])[:3]
    assert [row.split()[:3] for row in rows[:3]] == [
        [str(number), tiny_model.vocabulary.word(index), f"{shares[index]:.1%}"] for number, index in enumerate(best, 1)
    ]
    assert "entropy" in rows[3]


def test_pick_takes_the_numbered_word(session):
    rows = session.tell("the cat", "/undo", "/next 3").splitlines()
    word = rows[1].split()[1]

    assert session.tell("/pick 2") == f"the cat {word}\n"
    with pytest.raises(UsageError, match="nothing is listed"):
        session.read("/pick 2")


def test_alt_offers_other_words_at_earlier_places(session):
    words = session.tell("the cat").split()
    rows = session.tell("/alt 2").splitlines()
    numbered = rows[0].split()
    number, other = numbered[numbered.index("2") : numbered.index("2") + 2]

    assert [row.split()[0] for row in rows] == words[-2:]
    assert session.tell(f"/pick {number}").split() == [*words[:-2], other]


def test_alt_computes_no_more_than_what_it_shows(session, monkeypatch):
    session.tell("/set max-words 40", "the cat")
    rows = []
    logits = type(session._model).logits
    monkeypatch.setattr(type(session._model), "logits", lambda self, state: rows.append(1) or logits(self, state))
    session.tell("/alt 2")

    assert len(rows) == 2


def test_the_text_is_written_to_a_file_which_is_replaced_only_on_request(session, tmp_path):
    file = tmp_path / "story.txt"
    session.tell("the cat", f"/write {file}")
    first = file.read_text()
    session.tell("sat")

    assert first.startswith("the cat")
    with pytest.raises(UsageError, match="stays as it is: /write .* over replaces it"):
        session.read(f"/write {file}")
    with pytest.raises(UsageError, match="what is 'now'"):
        session.read(f"/write {file} now")
    assert file.read_text() == first
    session.tell(f"/write {file} over")
    assert file.read_text() == session.tell("/text")


def test_constraints_hold_for_what_can_be_picked(session):
    session.tell("/set allow cat sat")

    assert {row.split()[1] for row in session.tell("/next").splitlines()[:-1]} == {"cat", "sat"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/pick 9", "numbers 1 to 3"),
        ("/pick two", "a number from 1 on"),
        ("/next 0", "a number from 1 on"),
        ("/pick", "/pick NUMBER"),
        ("/undo now", "the usage is /undo"),
        ("/udno", "do you mean /undo"),
        ("/xyzzy", "/help lists them"),
        ("/", "there is no command /"),
        ("/set stop don't", "put quotes"),
        ("/set temperature -1", "temperature must be 0, or from"),
        ("/set ban xyzzy", None),
        ("/fork a/b", "letters, digits"),
    ],
)
def test_a_refusal_changes_nothing(session, line, message):
    session.tell("the cat", "/next 3")
    before = (session.draft, session.options, session.branch)

    if message:
        with pytest.raises(UsageError, match=message):
            session.read(line)
        assert (session.draft, session.options, session.branch) == before
    else:  # words are known only to the model: refused where they are used
        session.read(line)
        with pytest.raises(UsageError, match="not in the model's vocabulary"):
            session.read("")
        assert session.draft is before[0]


def test_surprisal_is_shown_for_every_word(session, tiny_model):
    session.tell("/set max-words 1", "the xyzzy")
    rows = session.tell("/surprisal").splitlines()

    shares = probabilities(tiny_model.logits(read(tiny_model, []).state)[0])
    assert rows[0].split()[:2] == ["the", f"{-np.log2(shares[tiny_model.vocabulary.id('the')]):.2f}"]
    assert "(as <UNK>)" in rows[1]
    assert "perplexity" in rows[-1]
    assert session.tell("/new", "/surprisal") == ""


def test_branches_are_texts_of_their_own(session):
    main = session.tell("the cat").strip()
    side = session.tell("/fork side", "/undo", "sat", "/text").strip()

    assert session.tell("/fork main").strip() == main
    assert session.tell("/fork side").strip() == side != main
    assert [line.split()[:2] for line in session.tell("/forks").splitlines()] == [
        ["main", main.split()[0]],
        ["*", "side"],
    ]
    assert session.tell("/undo", "/undo", "/undo") == "(no text)\n"


def test_new_begins_again_and_can_be_undone(session):
    whole = session.tell("the cat")

    assert session.tell("/new", "/text") == "\n"
    assert session.tell("/undo") == whole


def test_save_and_load_bring_text_branches_and_settings_back(session, tiny_model, tmp_path):
    session.tell(
        "the cat",
        "/fork side",
        "sat",
        "/set temperature 0.5",
        f"/save {tmp_path / 'a file'!s}".replace("a file", "file"),
    )
    other = Session(tiny_model)

    assert other.tell(f"/load {tmp_path / 'file'}") == session.tell("/text")
    assert (other.branch, other.branches) == ("side", ["main", "side"])
    assert other.options == session.options
    assert other.tell("/regen", "/text") != session.tell("/text")


def test_a_damaged_file_is_refused_and_the_text_kept(session, tmp_path):
    session.tell("the cat")
    before = session.draft
    (tmp_path / "bad").write_bytes(b"PK nonsense")

    with pytest.raises(IntegrityError):
        session.read(f"/load {tmp_path / 'bad'}")
    assert session.draft is before


def test_another_model_reads_the_text_anew(session):
    text = session.tell("the cat").strip()

    assert session.tell("/model other", "/text").strip() == text
    assert "model                other" in session.tell("/show")
    with pytest.raises(UsageError):
        session.read("/undo")


def test_settings_hold_from_then_on(session):
    session.tell("/set max-words 2", "the cat")

    assert len(session.draft.words) == 5
    assert "* max-words            2" in session.tell("/show").splitlines()


def test_an_interruption_keeps_what_was_written(session, monkeypatch):
    class Interrupted(io.StringIO):
        def write(self, text):
            if self.getvalue().count(" ") == 3:
                raise KeyboardInterrupt
            return super().write(text)

    session._out = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        session.read("the cat")

    session._out = io.StringIO()
    assert 3 < len(session.draft.words) < 9
    assert len(session.draft.words) == len(session.draft.states)
    assert session.tell("/undo") == "the cat\n"


def test_words_are_coloured_by_surprisal_if_asked(session, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    session.style = Style(paint=click.style)

    assert "\x1b[3" not in session.tell("the cat")
    assert "\x1b[3" in session.tell("/set color-by surprisal", "sat")


def test_quit_leaves(session):
    with pytest.raises(Leave):
        session.read("/quit")


def test_help_tells_every_command(session):
    told = session.tell("/help")

    for command in COMMANDS.values():
        assert command.usage in told
