"""Commands whose work is shared out, or done in several runs."""

import json
import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import start_lmgen

LINES = ["the cat sat .", "word1 word2, voilà", "the word3"] * 300


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def model(all_converted_folder):
    return ("-m", all_converted_folder)


def test_two_workers_write_what_one_process_does(lmgen, text, model, tmp_path):
    for arguments in (
        ("surprisal", "--by", "word", "--columns", "all", "--lag", 2, "--top", 1, "--format", "csv"),
        ("score", "--format", "jsonl"),
    ):
        command, *options = arguments
        alone = lmgen(command, text, *model, *options)
        shared = lmgen(command, text, *model, *options, "--workers", 2)
        lmgen(command, text, *model, *options, "--workers", 2, "-o", tmp_path / "out")

        assert shared == alone
        assert (tmp_path / "out").read_text() == alone.out
    assert not (tmp_path / "out.parts").exists()


def test_perplexity_by_two_workers_is_the_same_to_the_last_digit(lmgen, text, model):
    alone, shared = (lmgen("eval", text, *model, "--format", "json", *more) for more in ((), ("--workers", 2)))

    assert shared == alone


def test_rows_of_sentences_by_two_workers_come_with_their_sum(lmgen, text, model):
    alone, shared = (lmgen("eval", text, *model, "--per-sentence", *more) for more in ((), ("--workers", 2)))

    assert shared == alone


def test_vectors_and_predictions_by_two_workers_are_the_same(lmgen, text, model, tmp_path):
    text.write_text("\n".join(LINES[:60]))
    for more in ((), ("--workers", 2)):
        name = tmp_path / f"x{len(more)}"
        assert lmgen("embed", text, *model, "-o", f"{name}.npy", *more).exit_code == 0
        assert lmgen("predictions", text, *model, "-o", f"{name}.hdf5", *more).exit_code == 0

    assert np.array_equal(*(np.load(tmp_path / f"x{size}.npy") for size in (0, 2)))
    with h5py.File(tmp_path / "x0.hdf5") as one, h5py.File(tmp_path / "x2.hdf5") as other:
        assert len(one["sentence"]) == len(other["sentence"]) == 60
        assert all(
            np.array_equal(one[f"sentence/{n}/predictions"], other[f"sentence/{n}/predictions"]) for n in range(60)
        )


def test_a_folder_gets_parts_each_with_its_heading_and_a_manifest(lmgen, text, model, tmp_path):
    folder = tmp_path / "scores"
    assert lmgen("score", text, *model, "-o", f"{folder}/").exit_code == 0

    whole = lmgen("score", text, *model).out.splitlines()
    parts = [path.read_text().splitlines() for path in sorted(folder.glob("part-*.tsv"))]
    assert len(parts) > 1
    assert {lines[0] for lines in parts} == {whole[0]}
    assert [line for lines in parts for line in lines[1:]] == whole[1:]
    begun, *made = map(json.loads, (folder / "parts.jsonl").read_text().splitlines())
    assert begun["precision"] == "float32"
    assert [line["part"] for line in made] == list(range(len(parts)))


def test_an_empty_text_has_the_heading_alone(lmgen, model, tmp_path):
    (tmp_path / "empty.txt").write_text("")

    for command in ("surprisal", "score"):
        alone, shared = (lmgen(command, tmp_path / "empty.txt", *model, *more) for more in ((), ("--workers", 2)))
        assert shared == alone


def run_until(parts, *arguments):
    """Start a command, and stop watching it when so many parts are finished."""
    process = start_lmgen(*arguments)
    manifest = Path(f"{arguments[-1]}.parts") / "parts.jsonl"
    while not manifest.exists() or manifest.read_text().count("\n") <= parts:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    return process


@pytest.fixture
def long(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("\n".join(LINES * 10) + "\n")
    return path


def test_after_kill_9_a_run_is_resumed_and_its_workers_are_gone(lmgen, long, model, tmp_path):
    out = tmp_path / "out.tsv"
    process = run_until(2, "score", long, *model, "--workers", 2, "-o", out)
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    process.kill()
    process.wait()
    made = sorted(Path(f"{out}.parts").glob("part-*"))
    first, before = made[0], made[0].stat().st_mtime_ns

    refused = lmgen("score", long, *model, "-o", out, "--workers", 2)
    resumed = lmgen("score", long, *model, "-o", f"{tmp_path}/./out.tsv", "--resume")

    assert refused.exit_code == 2
    assert "--resume" in refused.err
    assert first.name == "part-00000.tsv"
    assert before
    assert (resumed.exit_code, resumed.err) == (0, "")
    assert out.read_text() == lmgen("score", long, *model).out
    assert not Path(f"{out}.parts").exists()
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in children):
        assert time.monotonic() < deadline


def test_ctrl_c_keeps_finished_parts_and_says_where(long, model, tmp_path):
    out = tmp_path / "out.tsv"
    process = run_until(2, "score", long, *model, "--workers", 2, "-o", out)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert err.decode() == f"finished parts are in {out}.parts: --resume continues from them\nlmgen: stopped\n"
    assert not out.exists()


@pytest.fixture
def begun(lmgen, text, model, tmp_path):
    """A file whose parts are all finished, and the command that made them."""
    folder = tmp_path / "out.tsv.parts"
    assert lmgen("score", text, *model, "-o", f"{folder}/").exit_code == 0
    return folder, ("score", text, *model, "-o", tmp_path / "out.tsv", "--resume")


def test_finished_parts_are_not_made_again(lmgen, begun, text, model):
    folder, command = begun
    (folder / "parts.jsonl").write_text((folder / "parts.jsonl").read_text() + '{"part": 99, "sent')  # cut short
    times = [path.stat().st_mtime_ns for path in folder.glob("part-*")]
    whole = lmgen("score", text, *model).out

    assert lmgen(*command).exit_code == 0
    assert command[-2].read_text() == whole
    assert len(times) > 1


def test_a_damaged_part_is_made_again(lmgen, begun, text, model):
    folder, command = begun
    (folder / "part-00000.tsv").write_text("nonsense")
    (folder / "part-00001.tsv").unlink()

    assert lmgen(*command).exit_code == 0
    assert command[-2].read_text() == lmgen("score", text, *model).out


@pytest.mark.parametrize(
    ("options", "message"), [(("--base", "e"), "was made with base 2, not e"), (("--precision", "fast"), "precision")]
)
def test_parts_of_other_options_are_refused(lmgen, begun, options, message):
    _, command = begun
    refused = lmgen(*command, *options)

    assert refused.exit_code == 2
    assert message in refused.err


def test_parts_of_another_text_are_refused(lmgen, begun, text):
    _, command = begun
    text.write_text(text.read_text().replace("sat", "word9", 1))
    changed = lmgen(*command)
    text.write_text("\n".join(LINES)[: len("\n".join(LINES)) // 2])
    cut = lmgen(*command)

    assert (changed.exit_code, cut.exit_code) == (2, 2)
    assert "was made of another text" in changed.err
    assert "was made of another text" in cut.err


def test_parts_of_a_longer_text_are_refused(lmgen, begun, text):
    folder, command = begun
    sentences = sum(part.read_text().count("\n") - 1 for part in sorted(folder.glob("part-*"))[:-1])
    text.write_text("".join(text.read_text().splitlines(keepends=True)[:sentences]))
    refused = lmgen(*command)

    assert refused.exit_code == 2
    assert "was made of a longer text" in refused.err
    assert not command[-2].exists()


def test_a_folder_that_holds_something_else_stays_as_it_is(lmgen, text, model, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    refused = lmgen("score", text, *model, "-o", f"{tmp_path}/mine/")

    assert refused.exit_code == 2
    assert "holds no parts" in refused.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("surprisal", "--format", "kenlm", "--workers", 2), "kenlm is not written in parts"),
        (("surprisal", "--context", "stream", "--workers", 2), "cannot be shared out"),
        (("eval", "--context", "stream", "--workers", 2), "cannot be shared out"),
        (("surprisal", "--resume"), "give its name with -o"),
        (("surprisal", "--workers", 0), "0 is not in the range"),
        (("surprisal", "--workers", "many"), "'many' is not a valid integer"),
        (("surprisal", "--stats", "--resume", "-o", "x.tsv"), "leave it out, or --resume"),
        (("eval", "--against", "mini", "--workers", 2), "leave out --workers"),
        (("embed", "--of", "word", "--workers", 2), "leave them out with --of word"),
        (("embed", "-o", "x/"), "give -o the name of a file"),
    ],
)
def test_what_cannot_be_shared_out_is_one_line(lmgen, text, model, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    refused = lmgen(arguments[0], text, *model, *arguments[1:])

    assert refused.exit_code == 2
    assert message in refused.err


def test_a_file_is_not_taken_for_a_cluster(lmgen, text, model):
    refused = lmgen("surprisal", *model, "--ray", text)

    assert refused.exit_code == 2
    assert "--ray=ADDRESS" in refused.err
