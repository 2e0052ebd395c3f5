import io

import pytest

from lmgen.text.tables import write_rows

ROWS = [
    {"word": 'a "b",\tc', "n": 1.5, "oov": True, "none": None},
    {"word": "caf\udce9", "n": -2, "oov": False, "none": None},
]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("tsv", 'word\tn\toov\tnone\n"a ""b"", c"\t1.5\t1\t\ncaf\ufffd\t-2\t0\t\n'),
        ("csv", 'word,n,oov,none\n"a ""b"",\tc",1.5,1,\ncaf\ufffd,-2,0,\n'),
        (
            "jsonl",
            '{"word": "a \\"b\\",\\tc", "n": 1.5, "oov": true, "none": null}\n{"word": "caf\ufffd", "n": -2, "oov": false, "none": null}\n',
        ),
        (
            "table",
            'word                       n         oov        none\na "b", c                 1.5           1\ncaf\ufffd                      -2           0\n',
        ),
    ],
)
def test_rows_are_written_as_asked(kind, expected):
    out = io.StringIO()
    write_rows(ROWS, out, kind)

    assert out.getvalue() == expected


@pytest.mark.parametrize(("kind", "expected"), [("tsv", "a\tb\n"), ("csv", "a,b\n"), ("jsonl", "")])
def test_without_rows_there_is_a_heading(kind, expected):
    out = io.StringIO()
    write_rows([], out, kind, ("a", "b"))

    assert out.getvalue() == expected


def test_a_row_is_written_before_the_next_is_asked_for():
    out = io.StringIO()

    def rows():
        yield {"a": 1}
        assert out.getvalue() == "a\n1\n"
        yield {"a": 2}

    write_rows(rows(), out, "tsv")

    assert out.getvalue() == "a\n1\n2\n"
