"""Files of a model and of the cache: what is damaged is found, mended or refused; odd facts spoil no list."""

import json
import os
import shutil
import time
from dataclasses import replace

import pytest

from lmgen.checkpoint.folder import open_folder
from lmgen.checkpoint.manifest import Manifest
from lmgen.engines.litert_files import find_converted
from lmgen.errors import IntegrityError
from lmgen.export.once import convert_model
from lmgen.store.home import checked_folder, home, own_folder

from conftest import start_lmgen

MIDDLE = 2000


@pytest.fixture
def copy(all_converted_folder, tmp_path):
    return shutil.copytree(all_converted_folder, tmp_path / "copy")


def flip(path, place=MIDDLE):
    """One bit, and the file's time as any change has it."""
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("precision", ["fast", "exact", "float32"])
def test_one_bit_of_a_converted_file_is_found_by_all_and_mended_by_convert(lmgen, copy, precision):
    before = lmgen("complete", "the", "--seed", 1, "-m", copy, "--precision", precision)
    flip(copy / f"litert-{precision}" / "memory.tflite")
    refused = lmgen("complete", "the", "-m", copy, "--precision", precision)
    verified = lmgen("models", "verify", copy)
    mended = lmgen("convert", copy, "--precision", precision)

    assert refused.exit_code == verified.exit_code == 4
    assert refused.err.count("\n") == 1
    assert "memory.tflite is damaged: make it again with `lmgen convert`" in refused.err
    assert f"litert-{precision}/memory.tflite\tdamaged" in verified.out
    assert mended.exit_code == 0
    assert lmgen("complete", "the", "--seed", 1, "-m", copy, "--precision", precision) == before
    assert lmgen("models", "verify", copy).exit_code == 0


def test_verify_and_convert_find_what_kept_its_time(lmgen, copy):
    """As where a disk loses a bit."""
    path = copy / "litert-fast" / "softmax-0.tflite"
    time.sleep(0.06)
    lmgen("complete", "the", "-m", copy)
    kept = path.stat()
    with open(path, "r+b") as file:
        file.seek(MIDDLE)
        byte = file.read(1)
        file.seek(MIDDLE)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))

    assert lmgen("models", "verify", copy).exit_code == 4
    assert lmgen("convert", copy).exit_code == 0
    assert lmgen("models", "verify", copy).exit_code == 0


def test_a_file_is_read_whole_once(copy, monkeypatch):
    time.sleep(0.06)
    files, read = open_folder(copy), []
    monkeypatch.setattr("lmgen.engines.litert_files.intact", lambda path, _: read.append(path.name) or True)
    for _ in range(3):
        find_converted(files, "fast")

    assert sorted(read) == ["memory.tflite", "softmax-0.tflite", "vectors.tflite"]
    assert len(list(checked_folder().iterdir())) == 3


def test_exact_refuses_a_damaged_row(lmgen, copy):
    with open(copy / "ckpt-softmax3", "rb") as file:
        place = len(file.read()) // 2
    files, damaged = open_folder(copy), copy / "ckpt-softmax3"
    flip(damaged, place)
    if find_converted(files, "exact"):  # else the samples found it
        assert lmgen("complete", "the", "-m", copy, "--precision", "exact", "--engine", "litert").exit_code == 4


@pytest.mark.parametrize("engine", ["litert", "session"])
def test_a_vocabulary_cut_short_is_noticed_with_and_without_its_checksum(lmgen, copy, engine):
    path = copy / "vocab-tiny.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:20]))
    first = lmgen("complete", "the", "-m", copy, "--engine", engine)
    manifest = copy / "model.toml"
    replace(Manifest.load(manifest), files={}).save(manifest)
    second = lmgen("complete", "the", "-m", copy, "--engine", engine)

    assert first.exit_code == second.exit_code == 4
    assert "vocab-tiny.txt is damaged" in first.err
    assert "has 20 words, and 33 by model.toml" in second.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('  name: "save/Assign_1"', '  name: "lstm/lstm_0/add"'),
        ('  input: "lstm/lstm_0/concat"', '  input: "lstm/lstm_0/nothing"'),
        ("size: 40", "size: 1000000000000"),
        ("size: 40", "size: 7"),
        ("dtype: DT_FLOAT", "dtype: DT_INT32"),
    ],
    ids=["name", "input", "huge", "odd", "type"],
)
def test_an_edited_graph_is_refused_in_one_line_or_does_the_same(lmgen, tiny_folder, tmp_path, old, new):
    copy = shutil.copytree(tiny_folder, tmp_path / "edited", ignore=shutil.ignore_patterns("model.toml"))
    graph = copy / "graph-tiny.pbtxt"
    before = lmgen("surprisal", "--text", "the cat", "-m", copy, "--engine", "session")
    graph.write_text(graph.read_text().replace(old, new, 1))
    result = lmgen("surprisal", "--text", "the cat", "-m", copy, "--engine", "session")

    assert result == before or (result.exit_code, result.err.count("\n")) == (4, 1)


def test_two_users_who_convert_one_folder_end_with_one_conversion(tiny_folder, tmp_path):
    """Their caches, and so their locks, are others."""
    copy = shutil.copytree(tiny_folder, tmp_path / "shared")
    homes = [{**os.environ, "LMGEN_HOME": str(tmp_path / name)} for name in "ab"]
    processes = [start_lmgen("convert", copy, env=env) for env in homes]

    assert [process.wait(60) for process in processes] == [0, 0]
    assert find_converted(open_folder(copy), "fast")
    assert list(copy.glob(".partial*")) == []


ODD = {
    "date": "day = 2026-01-01",
    "nesting": f"deep = {'[' * 3000}{']' * 3000}",
    "huge": f"steps = {'9' * 5000}",
}


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_manifest_spoils_no_list(lmgen, tiny_folder, odd, kind):
    copy = shutil.copytree(tiny_folder, home() / "models" / "odd")
    text = (copy / "model.toml").read_text().replace("A random model.", "A [/x] \\u001b[31m model")
    (copy / "model.toml").write_text(text + f"\n[training]\n{ODD[odd]}\n")
    result = lmgen("models", "list", "--format", kind)

    assert (result.exit_code, result.err) == (0, "")
    assert "odd" in result.out
    assert "mini" in result.out
    assert "\x1b" not in result.out
    assert lmgen("models", "show", "mini").exit_code == 0


def test_show_tells_bytes_and_no_python(lmgen):
    shown = dict(line.split(": ", 1) for line in lmgen("models", "show", "mini").out.splitlines() if ": " in line)

    assert int(shown["bytes"]) > 10_000_000
    assert shown["training recipe optimizer"] == "muon"
    assert shown["shape filters"] == "16, 16, 32, 64, 96, 128, 80, 80"
    assert not any(value.startswith(("{", "[")) for value in shown.values())


def test_the_cache_is_listed_and_cleared(lmgen, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("lmgen.engines.litert.LEAST_BYTES", 0)
    convert_model(open_folder(shutil.copytree(tiny_folder, tmp_path / "one")), "fast")
    (home() / "partial" / "lm1b").mkdir(parents=True)
    lmgen("complete", "the", "-m", tmp_path / "one")
    rows = json.loads(lmgen("cache", "list", "--format", "json").out)
    listed = {(row["model"], row["kind"]) for row in rows}

    assert ("lm1b", "begun download") in listed
    assert ("one", "packed weights") in listed
    assert all(row["bytes"] > 0 for row in rows if row["kind"] == "converted")
    assert lmgen("cache", "list").out.count("\n") == len(rows)
    assert lmgen("cache", "rm", "one").exit_code == 0
    assert not any(row["model"] == "one" for row in json.loads(lmgen("cache", "list", "--format", "json").out))
    assert lmgen("cache", "rm", "none").exit_code == 3
    assert lmgen("cache", "rm").exit_code == 2
    assert lmgen("cache", "rm", "--all").exit_code == 0
    assert lmgen("cache", "list").out == ""


def test_a_model_that_is_removed_leaves_nothing_in_the_cache(lmgen, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("lmgen.engines.litert.LEAST_BYTES", 0)
    convert_model(open_folder(shutil.copytree(tiny_folder, own_folder("one"))), "fast")
    lmgen("complete", "the", "-m", "one")
    assert "packed weights" in lmgen("cache", "list").out

    assert lmgen("models", "rm", "-y", "one").exit_code == 0
    assert "one\t" not in lmgen("cache", "list").out


def test_converted_facts_that_are_nonsense_are_refused(copy):
    facts = copy / "litert-fast" / "converted.toml"
    for text in ("version = 4\nfingerprint = 1", facts.read_text().replace("sha256 = ", "sha1 = "), "[" * 9000):
        facts.write_text(text)
        try:
            assert find_converted(open_folder(copy), "fast") is None
        except IntegrityError as error:
            assert "converted.toml is damaged" in str(error)
