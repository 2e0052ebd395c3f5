import datetime
import json

import pytest

from lmgen.errors import MissingError, UnsupportedError, UsageError
from lmgen.text import parquet
from lmgen.text.output_file import open_output, open_rows
from lmgen.text.records import InputFormat, read_records

pytest.importorskip("pyarrow")
import pyarrow as pa
import pyarrow.parquet as pq


def records(path, texts=("text",)):
    return list(read_records(path, texts, InputFormat()))


def write(path, rows):
    with open_rows(str(path)) as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def test_rows_are_read_with_their_types_and_places(tmp_path):
    rows = [{"text": "the cat", "n": 1, "on": datetime.date(2016, 9, 10), "parts": ["a", None]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")

    assert records(tmp_path / "a.parquet") == [
        ({"text": "the cat", "n": 1, "on": "2016-09-10", "parts": ["a", None]}, f"{tmp_path}/a.parquet, row 1")
    ]


def test_rows_are_written_as_pyarrow_reads_them(tmp_path, monkeypatch):
    """Types are those of all rows: a column may begin with nulls or whole numbers; texts that look like dates stay texts."""
    monkeypatch.setattr(parquet, "ROWS", 2)
    rows = [
        *({"a": None, "b": 1, "c": "2016-09-10", "d": [1.5]}, {"a": None, "b": 2, "c": "01", "d": []}),
        {"a": "x", "b": 2.5, "c": "é", "d": [2.0, 3.0]},
    ]

    write(tmp_path / "a.parquet", rows)

    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == rows


def test_no_rows_are_a_file_without_columns(tmp_path):
    write(tmp_path / "a.parquet", [])

    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0


def test_rows_that_have_no_common_type_leave_no_file(tmp_path):
    with pytest.raises(UsageError, match="a.parquet: the rows cannot be Parquet"):
        write(tmp_path / "a.parquet", [{"a": 1}, {"a": "x"}])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failure", "name"), [(KeyboardInterrupt(), "a.parquet"), (UsageError("no"), "a.parquet.partial")]
)
def test_rows_before_an_early_end_are_kept(tmp_path, failure, name):
    with pytest.raises(type(failure)), open_rows(str(tmp_path / "a.parquet")) as out:
        out.write('{"word": "the"}\n{"word": "c')
        raise failure

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert pq.read_table(tmp_path / name).to_pylist() == [{"word": "the"}]


def test_what_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_text("text\n")
    pq.write_table(pa.table({"n": [1], "text": [None]}), tmp_path / "b.parquet")

    with pytest.raises(UsageError, match="a.parquet is not a Parquet file that can be read"):
        records(tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="b.parquet, row 1 has no text 'text', only columns n, text"):
        records(tmp_path / "b.parquet")
    with pytest.raises(MissingError, match="cannot read .*absent.parquet"):
        records(tmp_path / "absent.parquet")


def test_a_text_is_not_written_as_parquet(tmp_path):
    with pytest.raises(UsageError, match="not written as Parquet"), open_output(str(tmp_path / "a.parquet")):
        pass


def test_without_pyarrow_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with (
        pytest.raises(UnsupportedError, match=r"pip install 'lmgen\[parquet\]'"),
        open_rows(str(tmp_path / "a.parquet")),
    ):
        pass
