import gzip
import io
import sys
import types
from pathlib import Path

import pytest

from lmgen.errors import MissingError, UsageError
from lmgen.text.lines import lines_of, read_lines, words_of


def lines(path, encoding="utf-8"):
    return list(read_lines(path, encoding))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(tmp_path, end):
    """Text with \\r alone was one sentence."""
    (tmp_path / "a").write_bytes(end.join(["one", "", "two"]).encode())

    assert lines(tmp_path / "a") == [f"one{end}", end, "two"]
    assert lines_of(end.join(["one", "", "two", ""])) == lines_of(end.join(["one", "", "two"])) == ["one", "", "two"]
    assert lines_of("") == []


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, monkeypatch):
    text = "\ufefffirst\nnot \ufeffhere\n".encode()
    (tmp_path / "a").write_bytes(text)
    (tmp_path / "a.gz").write_bytes(gzip.compress(text))
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(text)))

    expected = ["first\n", "not \ufeffhere\n"]
    assert lines(tmp_path / "a") == lines(tmp_path / "a.gz") == lines(Path("-")) == expected
    assert words_of(tmp_path / "a")[0] == "first"


def test_stdin_stays_open(monkeypatch):
    stdin = types.SimpleNamespace(buffer=io.BytesIO(b"a\n"))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert lines(Path("-")) == ["a\n"]
    assert not stdin.buffer.closed


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"])
def test_text_is_read_in_the_encoding_it_is_in(tmp_path, encoding):
    (tmp_path / "a").write_bytes("café\nñandú\n".encode(encoding))

    assert lines(tmp_path / "a", encoding) == ["café\n", "ñandú\n"]


@pytest.mark.parametrize(
    ("data", "encoding", "told"),
    [
        (b"good\nb\xc3\xa9\xffd\n", "utf-8", "is not UTF-8 text: line 2, byte 4: write it in UTF-8; commands that score take an --encoding"),
        (b"good\n\xe9\n", "ascii", "is not ASCII text: line 2, byte 1"),
        ("good\n".encode("utf-16")[:-1], "utf-16", "is not UTF-16 text: see line 1 and after"),
        (b"a\0b", "utf-8", "is not text: line 1 holds a NUL byte, as UTF-16 does: write it in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_in_the_encoding_is_told_with_its_place(tmp_path, data, encoding, told):
    (tmp_path / "a").write_bytes(data)

    with pytest.raises(UsageError) as refused:
        lines(tmp_path / "a", encoding)

    assert str(refused.value).removeprefix(f"{tmp_path / 'a'} ").startswith(told)


def test_lines_before_a_bad_one_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntwo\n\xff\n")
    reading = read_lines(tmp_path / "a")

    assert [next(reading), next(reading)] == ["one\n", "two\n"]


@pytest.mark.parametrize("cut", [slice(0, -12), slice(20, None)])
def test_a_damaged_gzip_is_told(tmp_path, cut):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(range(1, 10)) * 999)[cut])

    with pytest.raises(MissingError, match=r"cannot read .*a\.gz: "):
        lines(tmp_path / "a.gz")


def test_closed_stdin_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(MissingError, match="stdin is closed"):
        lines(Path("-"))
