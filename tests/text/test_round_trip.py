"""Whatever a text or a column holds, other programs and lmgen itself read the rows that lmgen wrote."""

import csv
import io
import json
import re

import numpy as np
import pytest

from lmgen.scoring.formats import write_zoo
from lmgen.scoring.measure import Measures
from lmgen.scoring.score import Scored, Sentence
from lmgen.text.records import InputFormat, read_records
from lmgen.text.tables import write_rows
from lmgen.text.vocabulary import Vocabulary

pytest.importorskip("hypothesis")
from hypothesis import given, settings, strategies as st

COMMAS = {"csv": ",", "tsv": "\t"}
PIECES = st.sampled_from([*"\"'\t\r\n,; \0\x85\u2028\ufeff\ud83d\udce9#", '""', "\r\n", "NA", "1e999", "👍"])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=6).map("".join)
CELLS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(CELLS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=5)

holds = settings(deadline=None, max_examples=100, derandomize=True, database=None)


def in_utf8(text):
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def as_cell(text, kind):
    """A text as a table can hold it: no NUL, and on one line in TSV."""
    text = in_utf8(text).replace("\0", "\ufffd")
    return re.sub("\r\n|[\t\r\n]", " ", text) if kind == "tsv" else text


def tables(kind):
    """(names, rows of texts), as they will be read; names are unlike each other, and no byte order mark begins the file."""
    texts = TEXTS.map(lambda text: as_cell(text, kind))
    names = st.lists(texts, min_size=1, max_size=4, unique=True).filter(lambda names: not names[0].startswith("\ufeff"))
    return names.flatmap(
        lambda names: st.tuples(st.just(names), st.lists(st.tuples(*[TEXTS] * len(names)), min_size=1, max_size=4))
    )


def written(rows, kind):
    out = io.StringIO(newline="")
    write_rows(rows, out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def read_again(tmp_path_factory):
    """The rows that lmgen reads of what it wrote, heading included."""
    path = tmp_path_factory.mktemp("rows") / "rows"

    def read(text, kind):
        path.write_bytes(text.encode())
        records = [record for record, _ in read_records(path, [], InputFormat(kind))]
        return [list(records[0]), *(list(record.values()) for record in records)]

    return read


def by_csv(text, kind):
    return list(csv.reader(io.StringIO(text, newline=""), "excel" if kind == "csv" else "excel-tab", strict=True))


def by_pandas(text, kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(
        io.StringIO(text, newline=""),
        sep=COMMAS[kind],
        header=None,
        dtype=str,
        keep_default_na=False,
        skip_blank_lines=False,
        index_col=False,
    )
    return frame.to_numpy().tolist()


@pytest.mark.parametrize("kind", COMMAS)
@pytest.mark.parametrize("reader", [by_csv, by_pandas, "lmgen"])
def test_any_text_in_any_column_is_read_again_from_a_table(read_again, kind, reader):
    @holds
    @given(tables(kind))
    def check(table):
        names, rows = table
        text = written([dict(zip(names, row, strict=True)) for row in rows], kind)

        expected = [list(names), *([as_cell(value, kind) for value in row] for row in rows)]
        assert (read_again if reader == "lmgen" else reader)(text, kind) == expected

    check()


@holds
@given(st.lists(st.dictionaries(TEXTS.map(in_utf8), VALUES, min_size=1), min_size=1, max_size=3))
def test_any_values_are_read_again_from_json_lines(read_again, rows):
    text = written(rows, "jsonl")

    expected = json.loads(in_utf8(json.dumps(rows, ensure_ascii=False)))
    assert list(map(json.loads, text.split("\n")[:-1])) == expected
    assert read_again(text, "jsonl")[1:] == [list(row.values()) for row in expected]


@holds
@given(st.one_of(st.lists(VALUES), st.dictionaries(TEXTS, VALUES)))
def test_a_nested_value_is_json_in_a_table(value):
    for kind in COMMAS:
        [_, [cell]] = by_csv(written([{"value": value}], kind), kind)

        assert json.loads(cell) == json.loads(in_utf8(json.dumps(value, ensure_ascii=False)))


@pytest.mark.parametrize("reader", [by_csv, by_pandas, "lmgen"])
def test_any_token_is_read_again_from_lm_zoo_s_format(read_again, reader):
    """A token `"` swallowed all rows up to the next one."""

    @holds
    @given(st.lists(TEXTS.map(lambda text: in_utf8("".join(text.split()))).filter(bool), min_size=1))
    def check(words):
        measures = Measures(np.zeros(len(words) + 1), None, None, None, None)
        scored = Scored(Sentence(words), (*words, "</S>"), None, None, measures)
        out = io.StringIO(newline="")
        write_zoo([scored], Vocabulary(["</S>", "<S>", "<UNK>", *dict.fromkeys(words)]), out)

        heading, *rows = (read_again if reader == "lmgen" else reader)(out.getvalue(), "tsv")
        assert heading == ["sentence_id", "token_id", "token", "surprisal"]
        assert [row[2] for row in rows] == ["<S>", *(as_cell(word, "tsv") for word in words), "</S>"]

    check()
