import io
import json

import pytest

from lmgen.generation.events import Ended, Word
from lmgen.generation.options import Generation
from lmgen.generation.output import RecordWriter, SampleQueue, Style, TextWriter, write_samples
from lmgen.generation.prompts import Prompt
from lmgen.text.output_file import open_output


def word(sample, text, prompt=0, logprob=-1.0, **more):
    return Word(prompt, sample, 0, text, logprob, **more)


def end(sample, reason="sentence", prompt=0, logprob=-1.0):
    return Ended(prompt, sample, reason, logprob)


def desk_for(*prompts):
    """A desk with prompts laid on it: (words, samples)."""
    desk = SampleQueue()
    laid = [
        Prompt(words.split(), Generation(samples=samples, seed=9), {"id": n})
        for n, (words, samples) in enumerate(prompts)
    ]
    list(desk.lay(laid))
    return desk


def text_of(events, *prompts, out=None, **style):
    out = out or io.StringIO()
    write_samples(events, desk_for(*prompts), TextWriter(out, Style(**style)))
    return out.getvalue()


class Terminal(io.StringIO):
    """Remembers what could be seen after every flush."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def flush(self):
        self.seen.append(self.getvalue())

    def isatty(self):
        return True


def test_words_are_seen_as_they_come(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()

    text_of([word(0, "sat"), word(0, "."), end(0)], ("The cat", 1), out=out)

    assert out.seen == ["The cat", "The cat sat", "The cat sat.", "The cat sat.\n"]


PREFIX = "He said “AT&T’s\n o’clock" + "”"
TYPED = Prompt(["He", "said", '"', "AT", "&", "T", "'s", "o", "'clock", '"'], Generation(seed=9), text=PREFIX)


@pytest.mark.parametrize(
    ("written", "style", "expected"),
    [
        ([",", "so"], {}, "He said “AT&T’s o’clock”, so\n"),
        (["and"], {}, "He said “AT&T’s o’clock” and\n"),
        ([","], {"raw": True}, "He said \" AT & T 's o 'clock \" ,\n"),
        (["and"], {"echo": False}, "and\n"),
    ],
)
def test_the_prefix_is_shown_as_it_was_typed(written, style, expected):
    desk, out = SampleQueue(), io.StringIO()
    list(desk.lay([TYPED]))
    write_samples([*(word(0, text) for text in written), end(0)], desk, TextWriter(out, Style(**style)))

    assert out.getvalue() == expected


def test_records_hold_the_prefix_as_it_was_typed():
    desk, out = SampleQueue(), io.StringIO()
    list(desk.lay([TYPED]))
    write_samples([word(0, ","), word(0, "so"), end(0)], desk, RecordWriter(out, "jsonl"))
    row = json.loads(out.getvalue())

    assert (row["prefix"], row["text"]) == ("He said “AT&T’s o’clock”", ", so")


def test_without_streaming_a_line_is_seen_whole(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    events = iter([word(0, "sat"), word(0, "."), end(0)])
    out = io.StringIO()

    def watched():
        for event in events:
            assert out.getvalue() == ""
            yield event

    text_of(watched(), ("The cat", 1), out=out, stream=False)

    assert out.getvalue() == "The cat sat.\n"


INTERLEAVED = [
    *(word(0, "a"), word(1, "b"), word(2, "c"), end(2), word(0, "d"), end(1), word(0, "e"), end(0, "length", 0)),
]


def test_samples_are_written_in_order_however_they_interleave():
    assert text_of(INTERLEAVED, ("x", 3)) == "x a d e\nx b\nx c\n"


def test_a_next_sample_in_progress_goes_on_where_it_stands(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()

    text_of([word(0, "a"), word(1, "b"), end(0), word(1, "c"), end(1)], ("", 2), out=out)

    assert out.getvalue() == "a\nb c\n"
    assert "a\nb" in out.seen


def test_what_is_written_is_forgotten():
    """Memory stays bounded however many prompts a file has."""
    desk = SampleQueue()

    def prompts():
        for _ in range(1000):
            yield Prompt(["x"], Generation(samples=2))

    def events():
        for number, _ in enumerate(desk.lay(prompts())):
            yield from [word(1, "a", prompt=number), end(1, prompt=number), end(0, prompt=number)]
            assert len(desk._prompts) + len(desk._samples) <= 3

    out = io.StringIO()
    write_samples(events(), desk, TextWriter(out, Style()))

    assert out.getvalue() == "x\nx a\n" * 1000


def test_prompts_keep_their_order_too():
    events = [word(0, "b", prompt=1), end(0, prompt=1), word(0, "a"), end(0)]

    assert text_of(events, ("x", 1), ("y", 1)) == "x a\ny b\n"


def interrupted(*events):
    yield from events
    raise KeyboardInterrupt


def test_an_interrupted_text_is_written_as_far_as_it_came():
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        text_of(interrupted(word(0, "a"), word(1, "b"), word(1, "c")), ("x", 3), out=out)

    assert out.getvalue() == "x a\nx b c\n"


QUOTED = [word(0, "don"), word(0, "'t"), word(0, "."), end(0)]


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ({}, "I don't.\n"),
        ({"raw": True}, "I don 't .\n"),
        ({"echo": False}, "don't.\n"),
        ({"echo": False, "raw": True}, "don 't .\n"),
    ],
)
def test_text_is_natural_or_raw_with_or_without_its_prefix(style, shown):
    assert text_of(QUOTED, ("I", 1), **style) == shown


def test_sentences_follow_each_other():
    events = [word(0, "a"), word(0, "</S>"), word(0, '"'), word(0, "B"), end(0)]

    assert text_of(events, ("x", 1)) == 'x a "B\n'
    assert text_of(events, ("x", 1), raw=True) == 'x a </S> " B\n'


def test_colours_show_the_surprisal():
    events = [word(0, "a", logprob=-0.1), word(0, "b", logprob=-20.0), end(0)]

    def paint(text, fg):
        return f"<{fg}>{text}"

    assert text_of(events, ("", 1), by_surprisal=True, paint=paint) == "<cyan>a<red> b\n"
    assert text_of(events, ("", 1), by_surprisal=True) == "a b\n"


def test_alternatives_are_shown_beside_each_word():
    events = [word(0, "sat", logprob=-0.6931472, alternatives=(("sat", 0.5), ("lay", 0.25), ("ran", 0.01))), end(0)]

    assert (
        text_of(events, ("The cat", 1), alternatives=True)
        == "The cat\n  sat               50.0%   lay 25.0%  ran 1.0%\n"
    )


def records_of(events, kind, *prompts, **more):
    out = io.StringIO()
    write_samples(events, desk_for(*prompts), RecordWriter(out, kind, **more))
    return out.getvalue()


def test_records_carry_the_prompt_s_own_columns():
    shown = records_of([word(0, "a", logprob=-0.5), end(0, logprob=-0.25)], "tsv", ("x", 1))

    assert shown.splitlines() == [
        "id\tsample\tseed\tprefix\ttext\twords\tlogprob\tended",
        "0\t0\t9\tx\ta\ta\t-0.75\tsentence",
    ]


def test_json_tells_each_word_s_probability_if_asked_for():
    import json

    events = [word(0, "a", logprob=-0.5, alternatives=(("b", 0.75),), entropy=2.0), end(0)]

    [record] = map(json.loads, records_of(events, "jsonl", ("x", 1), logprobs=True).splitlines())

    assert record["logprobs"] == [{"word": "a", "logprob": -0.5, "entropy": 2.0, "alternatives": {"b": 0.75}}]
    assert record["words"] == ["a"]


def test_interrupted_records_say_so():
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        write_samples(interrupted(word(0, "a"), end(0), word(1, "b")), desk_for(("x", 2)), RecordWriter(out, "tsv"))

    assert [line.split("\t")[-1] for line in out.getvalue().splitlines()] == ["ended", "sentence", "interrupted"]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "out.txt"
    with open_output(str(path)) as out:
        out.write("text")
        assert not path.exists()

    assert path.read_text() == "text"


@pytest.mark.parametrize(("error", "left"), [(ValueError, {}), (KeyboardInterrupt, {"out.txt.partial": "new"})])
def test_a_failure_leaves_the_old_file_and_ctrl_c_what_was_made_beside(tmp_path, error, left):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(error), open_output(str(path)) as out:
        out.write("new")
        raise error

    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == {"out.txt": "old", **left}
