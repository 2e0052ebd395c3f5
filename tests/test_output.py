import io

import pytest

from lmgen.events import Ended, Word
from lmgen.output import open_output, write_records, write_text


def words(sample, *texts):
    return [Word(sample, index, text, -1.0) for index, text in enumerate(texts)]


class Terminal(io.StringIO):
    """Remembers what could be seen after every flush."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def flush(self):
        self.seen.append(self.getvalue())


def test_words_are_seen_as_they_come():
    out = Terminal()

    write_text([*words(0, "sat", "."), Ended(0, "sentence", -1.0)], ["The", "cat"], 1, out)

    assert out.seen == ["The cat", "The cat sat", "The cat sat.", "The cat sat.\n"]


def test_samples_are_written_in_order_however_they_interleave():
    out = io.StringIO()
    events = [
        Word(0, 0, "a", -1),
        Word(1, 0, "b", -1),
        Word(2, 0, "c", -1),
        Ended(2, "sentence", -1),
        Word(0, 1, "d", -1),
        Ended(1, "sentence", -1),
        Word(0, 2, "e", -1),
        Ended(0, "length", 0),
    ]

    write_text(events, ["x"], 3, out)

    assert out.getvalue() == "x a d e\nx b\nx c\n"


def test_a_next_sample_in_progress_goes_on_where_it_stands():
    out = Terminal()
    events = [Word(0, 0, "a", -1), Word(1, 0, "b", -1), Ended(0, "sentence", -1), Word(1, 1, "c", -1)]

    write_text([*events, Ended(1, "length", 0)], [], 2, out)

    assert out.getvalue() == "a\nb c\n"
    assert "a\nb" in out.seen


def test_an_interrupted_text_is_written_as_far_as_it_came():
    def events():
        yield from [Word(0, 0, "a", -1), Word(1, 0, "b", -1), Word(1, 1, "c", -1)]
        raise KeyboardInterrupt

    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        write_text(events(), ["x"], 3, out)

    assert out.getvalue() == "x a\nx b c\nx\n"


def test_interrupted_records_say_so():
    def events():
        yield from [Word(0, 0, "a", -0.5), Ended(0, "sentence", -0.25), Word(1, 0, "b", -1)]
        raise KeyboardInterrupt

    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        write_records(events(), ["x"], 2, out, "tsv", 9)

    assert out.getvalue().splitlines()[1:] == [
        "0\t9\tx\ta\ta\t-0.75\tsentence",
        "1\t9\tx\tb\tb\t-1.0\tinterrupted",
    ]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "out.txt"
    with open_output(str(path)) as out:
        out.write("text")
        assert not path.exists()

    assert path.read_text() == "text"


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(ValueError), open_output(str(path)) as out:
        out.write("new")
        raise ValueError

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_keeps_what_was_written(tmp_path):
    path = tmp_path / "out.txt"
    with pytest.raises(KeyboardInterrupt), open_output(str(path)) as out:
        out.write("half")
        raise KeyboardInterrupt

    assert path.read_text() == "half"
