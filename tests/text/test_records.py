import json

import pytest

from lmgen.errors import UsageError
from lmgen.text.lines import Faults
from lmgen.text.records import InputFormat, kind_of, names_of, read_records

AUTO = InputFormat()


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


def records(path, form=AUTO, blank_lines=False):
    return [record for record, _ in read_records(path, ["text"], form, blank_lines)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.ndjson", "jsonl"), ("a.JSONL.gz", "jsonl"), ("a.tab", "tsv"), ("a.tsv", "tsv"), ("a.csv.gz", "csv"), ("a.md", "text")],
)  # fmt: skip
def test_a_suffix_tells_the_kind(tmp_path, name, kind):
    assert kind_of(tmp_path / name) == kind


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.conll", "a.XML", "a.html"])
def test_what_is_no_prose_is_not_read_as_such(write, name):
    path = write(name.removesuffix(".gz"), "the cat\n")
    asked = path.with_name(name)

    with pytest.raises(UsageError, match="is not read, as it is"):
        records(asked)
    assert records(path, InputFormat("text")) == [{"text": "the cat\n"}]


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ('"open\tb', ['"open', "b"]),
        ('"he" said\tb', ['"he" said', "b"]),
        ('"he ""said"""\tb', ['he "said"', "b"]),
        ('"open\tclosed"', ['"open', 'closed"']),
        ('"a\tb"\tc', ["a\tb", "c"]),
        ('"""\t""', ['"""', ""]),
    ],
)
def test_quotes_count_in_tsv_only_around_a_whole_cell(write, row, cells):
    """A cell that began with a quote swallowed the rows up to the next quote."""
    path = write("a.tsv", f"text\tb\n{row}\nlast\trow\n")

    assert [list(record.values()) for record in records(path)] == [cells, ["last", "row"]]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("row", ["a", "a,b,c"])
def test_a_row_longer_or_shorter_than_the_heading_is_told_with_its_line(write, name, row):
    text = f"text,b\na,b\n{row}\n"
    path = write(name, text.replace(",", "\t") if name == "a.tsv" else text)

    with pytest.raises(UsageError, match=rf"{name}, line 3: {row.count(',') + 1} cells, where the heading has 2"):
        records(path)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", 'text\na\n"b\nc\n', "a.csv, line 3 is not a row of a table: a quote is never closed"),
        ("a.csv", 'text\n"a\nb"\n"c"d\n', "a.csv, line 4 is not a row of a table"),
        ("a.csv", "text,text\na,b\n", "has two columns 'text'"),
        ("a.csv", "text;b\na;b\n", r"no column 'text', only text;b \(--delimiter says"),
        ("a.jsonl", '{"text": "a"}\n{"text": "b", "x": 1e999}\n', "line 2 cannot be read: 1e999 is not a number"),
        ("a.jsonl", '{"text": "a", "x": NaN}\n', "line 1 cannot be read: NaN is not a number"),
        ("a.jsonl", '{"text": "a", "x": ' + "9" * 5000 + "}\n", "line 1 cannot be read: "),
        ("a.jsonl", '{"text": "a", "x": ' + "[" * 100_000 + "\n", "line 1 cannot be read: it is nested too deeply"),
        ("a.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("a.jsonl", '{"text": "a\\u0000b"}\n', "line 1: 'text' is not text, as it holds a NUL"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(write, name, text, told):
    with pytest.raises(UsageError, match=told):
        records(write(name, text))


@pytest.mark.parametrize(("name", "row"), [("a.csv", "a,b"), ("a.tsv", "a\tb"), ("a.jsonl", '{"text": "a", "b": "b"}')])
def test_blank_lines_are_no_rows_but_can_be_asked_for(write, name, row):
    heading = "" if name == "a.jsonl" else row.replace("a", "text") + "\n"
    path = write(name, f"{heading}{row}\n  \n\n{row}\n")
    record = {"text": "a", "b": "b"}

    assert records(path) == [record, record]
    assert records(path, blank_lines=True) == [record, {}, {}, record]
    assert records(write(name, f"\n{heading}{row}\n")) == [record]


@pytest.mark.parametrize("delimiter", [";", "|", " "])
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_cells_are_parted_by_the_delimiter(write, delimiter, kind):
    path = write("a.txt", f'b{delimiter}text\n1{delimiter}"a{delimiter}b"\n')

    assert records(path, InputFormat(kind, delimiter=delimiter)) == [{"b": "1", "text": f"a{delimiter}b"}]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"encoding": "klingon"}, "there is no encoding 'klingon'"),
        ({"encoding": "hex"}, "there is no encoding 'hex'"),
        ({"delimiter": ""}, "a delimiter is one character"),
        ({"delimiter": "::"}, "a delimiter is one character"),
        ({"delimiter": '"'}, "a delimiter is one character"),
    ],
)
def test_a_format_that_cannot_be_is_refused(options, told):
    with pytest.raises(UsageError, match=told):
        InputFormat(**options)


def test_a_delimiter_in_prose_is_refused(write):
    with pytest.raises(UsageError, match="is read as text: --delimiter is for csv and tsv"):
        records(write("a.txt", "a;b\n"), InputFormat(delimiter=";"))


def test_half_a_character_becomes_what_stands_for_none(write):
    """Half an emoji was an internal error, and the batch was lost."""
    path = write("a.jsonl", json.dumps({"text": "a\ud83d", "k": {"\ud83d": ["\ude00", "👍"]}}))

    assert records(path) == [{"text": "a\ufffd", "k": {"\ufffd": ["\ufffd", "👍"]}}]


def test_objects_can_be_evened_out(write):
    path = write("a.jsonl", '{"text": "a"}\n{"b": 1, "text": "c"}\n')

    assert names_of(path, AUTO) == ["text", "b"]
    assert records(path, InputFormat(names=("text", "b"))) == [{"text": "a", "b": None}, {"text": "c", "b": 1}]


BAD = {
    "a.txt": (b"one\nt\xffo\nthree\n", "line 2"),
    "a.jsonl": (b'{"text": "one"}\n{"text": "t\xffo"}\n{"text": "three"}\n', "line 2"),
    "a.csv": (b'text,b\n"one",\nt\xffo,\nthree,\n', "line 3"),
    "a.tsv": (b"text\tb\none\t\nt\xffo\t\nthree\t\n", "line 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_row_that_is_no_text_is_skipped_and_counted(write, name):
    data, line = BAD[name]
    path = write(name, "")
    path.write_bytes(data)
    form = InputFormat(faults=Faults("skip"))

    assert [record["text"].strip() for record in records(path, form)] == ["one", "three"]
    assert (form.faults.count, line in form.faults.first) == (1, True)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_text_is_replaced_and_counted(write, name):
    path = write(name, "")
    path.write_bytes(BAD[name][0])
    form = InputFormat(faults=Faults("replace"))

    assert [record["text"].strip() for record in records(path, form)] == ["one", "t\ufffdo", "three"]
    assert form.faults.count == 1


@pytest.mark.parametrize("way", ["skip", "replace"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"text": "one"}\n{"text": 2}\n{"x": 1}\n{"text\n[3]\n{"text": "four"}\n'),
        ("a.csv", 'text,b\none,1\ntwo\nthree,3,3\n"t"hree,3\nfour,4\n'),
        ("a.tsv", "text\tb\none\t1\ntwo\nthree\t3\t3\nx\nfour\t4\n"),
    ],
)
def test_rows_that_are_none_are_passed_over_and_counted(write, way, name, text):
    form = InputFormat(faults=Faults(way))

    assert [record["text"] for record in records(write(name, text), form)] == ["one", "four"]
    assert form.faults.count == text.count("\n") - 2 - (name != "a.jsonl")


def test_a_quote_that_is_never_closed_costs_the_rows_after_it_alone(write):
    form = InputFormat(faults=Faults("skip"))

    assert records(write("a.csv", 'text\none\n"two\nthree\n'), form) == [{"text": "one"}]
    assert "a quote is never closed" in form.faults.first


def test_every_record_gets_the_columns_asked_for(write):
    form = InputFormat(names=("a", "text"))

    assert records(write("a.csv", "text\none\n"), form) == [{"a": None, "text": "one"}]
    assert records(write("a.txt", "one\n"), form) == [{"a": None, "text": "one\n"}]
