"""Files that are written: to where, with which rights, and what is left when it fails."""

import gzip
import os
import signal
import stat
import threading

import pytest

from lmgen.errors import LmgenError, MissingError, UsageError
from lmgen.text.output_file import check_output, open_output, whole_file, whole_folder

from conftest import start_lmgen


def write(path, text="new"):
    with open_output(str(path)) as out:
        out.write(text)


def test_a_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)
    write(path)

    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_pipe_s_reader_gets_what_is_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=write, args=(tmp_path / "pipe",))
    writer.start()

    assert (tmp_path / "pipe").read_text() == "new"
    writer.join()
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_device_stays_a_device():
    write("/dev/null")

    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_name_that_ends_in_gz_is_compressed(tmp_path):
    write(tmp_path / "out.txt.gz")

    assert gzip.decompress((tmp_path / "out.txt.gz").read_bytes()) == b"new"


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [("", UsageError, "is empty"), (".", UsageError, "is a folder"), ("absent/x", MissingError, "no folder")],
)
def test_what_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch, path, error, told):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(error, match=told):
        check_output(path)


@pytest.mark.parametrize("command", [("complete", "I"), ("surprisal", "--text", "I"), ("predictions", "--text", "I")])
@pytest.mark.parametrize("path", ["", "."])
def test_commands_refuse_it_before_the_model_is_looked_for(lmgen, command, path):
    result = lmgen(*command, "-o", path, "-m", "absent")

    assert (result.exit_code, len(result.err.splitlines())) == (2, 1)
    assert "absent" not in result.err


def test_a_late_failure_leaves_what_was_made_beside(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    with (
        pytest.raises(UsageError, match=r"line 7 is bad \(what was made before is in .*out\.partial\)"),
        open_output(str(path)) as out,
    ):
        out.write("new")
        raise UsageError("line 7 is bad")

    assert (path.read_text(), (tmp_path / "out.partial").read_text()) == ("old", "new")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "out.partial"]


def test_a_full_disk_is_told_in_one_line(tmp_path):
    told = pytest.raises(MissingError, match="cannot write .*out: No space left on device")
    with told, whole_file(tmp_path / "out"), open("/dev/full", "w") as full:
        full.write("x" * 100_000)

    assert not list(tmp_path.iterdir())


def test_a_bad_line_late_in_the_input_keeps_the_rows_before_it(lmgen, tiny_folder, tmp_path):
    (tmp_path / "in.txt").write_bytes(b"the cat\n" * 2000 + b"\xff\n")
    result = lmgen("surprisal", tmp_path / "in.txt", "-m", tiny_folder, "-o", tmp_path / "out.tsv")

    assert result.exit_code == 2
    assert "out.tsv.partial" in result.err
    assert len((tmp_path / "out.tsv.partial").read_text().splitlines()) > 100


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_who_is_asked_to_end_keeps_what_was_made(all_converted_folder, tmp_path, number):
    output = tmp_path / "out.tsv"
    process = start_lmgen("surprisal", "-", "-m", all_converted_folder, "-o", output, stdin=-1)
    process.stdin.write(b"the cat sat\n" * 2000)
    process.stdin.flush()
    while not list(tmp_path.glob(".out.tsv.*")) or not next(iter(tmp_path.glob(".out.tsv.*"))).stat().st_size:
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (128 + number, b"lmgen: stopped\n")
    assert output.read_text().startswith("sentence_id\t")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["out.tsv"]


@pytest.mark.parametrize(("name", "begin"), [("x.csv", "sentence_id,"), ("x.jsonl", "{"), ("x.tsv", "sentence_id\t")])
def test_the_suffix_chooses_the_format(lmgen, tiny_folder, tmp_path, name, begin):
    assert lmgen("surprisal", "--text", "the", "-m", tiny_folder, "-o", tmp_path / name).exit_code == 0

    assert (tmp_path / name).read_text().startswith(begin)


def test_a_format_that_is_asked_for_beats_the_suffix(lmgen, writer_folder, tmp_path):
    lmgen("complete", "the", "-m", writer_folder, "-o", tmp_path / "x.jsonl")
    lmgen("complete", "the", "-m", writer_folder, "-o", tmp_path / "y.jsonl", "--format", "text")

    assert (tmp_path / "x.jsonl").read_text().startswith("{")
    assert (tmp_path / "y.jsonl").read_text().startswith("the")


def test_errors_of_the_program_are_not_dressed_up(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "x"):
        1 / 0  # noqa: B018
    assert not isinstance(ZeroDivisionError(), LmgenError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failure", [KeyboardInterrupt, UsageError])
def test_what_is_of_use_only_whole_leaves_the_older_file(tmp_path, failure):
    path = tmp_path / "snapshot"
    path.write_text("old")
    with pytest.raises(failure), whole_file(path) as partial:
        partial.write_text("half")
        raise failure

    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("snapshot", "old")]


@pytest.mark.parametrize(("made", "left"), [("", {"out": "old"}), ("new", {"out": "old", "out.partial": "new"})])
def test_an_interruption_does_not_replace_an_older_file(tmp_path, made, left):
    (tmp_path / "out").write_text("old")
    with pytest.raises(KeyboardInterrupt), open_output(str(tmp_path / "out")) as out:
        out.write(made)
        raise KeyboardInterrupt

    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == left


def test_a_folder_appears_when_it_is_whole(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with whole_folder(tmp_path / name) as draft:
            (draft / "part").mkdir()
            (draft / "part" / "file").write_text("x")
            assert not list((tmp_path / name).glob("*"))
        assert (tmp_path / name / "part" / "file").read_text() == "x"


def test_a_folder_that_fails_leaves_nothing_and_one_with_files_is_refused(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "new") as draft:
        (draft / "file").write_text("x")
        1 / 0  # noqa: B018
    assert not list(tmp_path.glob("*new*"))

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is there already"), whole_folder(tmp_path / "full"):
        pass
    assert (tmp_path / "full" / "mine").read_text() == "mine"
