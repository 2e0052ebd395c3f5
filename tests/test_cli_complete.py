import json
import os
import pty
import signal
import subprocess
import time

import pytest

from conftest import start_lmgen

PREFIX = "the cat"


@pytest.fixture
def complete(lmgen, tiny_folder):
    def run(*arguments):
        return lmgen("complete", "-m", tiny_folder, *arguments)

    return run


def test_it_writes_on_from_a_prefix_and_says_nothing_else(complete):
    result = complete(PREFIX, "--seed", 1)

    assert (result.exit_code, result.err) == (0, "")
    assert result.out.startswith("the cat ")
    assert result.out.count("\n") == 1


def test_the_default_model_needs_no_set_up(lmgen):
    result = lmgen("complete", "I love that I", "--seed", 1)

    assert (result.exit_code, result.err) == (0, "")
    assert result.out.startswith("I love that I")
    assert len(result.out.split()) > 4


def test_without_a_prefix_a_sentence_is_begun(complete):
    result = complete("--seed", 3, "--max-words", 5)

    assert result.exit_code == 0
    assert 1 <= len(result.out.split()) <= 6
    assert not result.out.startswith(" ")


def test_the_same_seed_writes_the_same_samples_alone_or_in_a_batch(complete):
    five = complete(PREFIX, "--seed", 4, "-n", 5).out.splitlines()

    assert len(five) == 5
    assert complete(PREFIX, "--seed", 4).out.splitlines() == five[:1]
    assert complete(PREFIX, "--seed", 4, "-n", 3).out.splitlines() == five[:3]


def test_a_seed_is_chosen_anew_each_time_and_told_under_v(complete):
    seeds = {complete(PREFIX, "-v").err.partition("seed: ")[2].split()[0] for _ in range(3)}

    assert len(seeds) == 3


def test_unknown_words_are_told_under_v(complete):
    assert "not in the vocabulary: dog 's" in complete("the dog's", "-v").err


def test_greedy_needs_no_seed(complete):
    assert complete(PREFIX, "-t", 0).out == complete(PREFIX, "-t", 0).out


def test_max_words_is_kept(complete):
    lines = complete(PREFIX, "-n", 20, "--seed", 1, "--max-words", 2, "--format", "jsonl").out.splitlines()

    assert {len(json.loads(line)["words"]) for line in lines} <= {0, 1, 2}


def test_samples_as_json_lines(complete):
    lines = complete(PREFIX, "-n", 2, "--seed", 1, "--format", "jsonl").out.splitlines()

    first = json.loads(lines[0])
    assert len(lines) == 2
    assert list(first) == ["sample", "seed", "prefix", "text", "words", "logprob", "ended"]
    assert (first["sample"], first["seed"], first["prefix"]) == (0, 1, PREFIX)
    assert first["logprob"] < 0
    text = complete(PREFIX, "--seed", 1).out
    assert f"{PREFIX} {first['text']}\n" == text


def test_samples_as_a_table(complete):
    header, first, _ = complete(PREFIX, "-n", 2, "--seed", 1, "--format", "tsv").out.splitlines()

    assert header.split("\t")[:4] == ["sample", "seed", "prefix", "text"]
    assert first.split("\t")[:3] == ["0", "1", PREFIX]


def test_a_prefix_comes_from_stdin(tiny_folder):
    process = start_lmgen("complete", "-", "-m", tiny_folder, "--seed", 1, stdin=subprocess.PIPE)

    out, err = process.communicate("the voilà \n".encode())

    assert (process.returncode, err) == (0, b"")
    assert out.decode().startswith("the voilà")


def test_stdin_that_is_not_text_is_refused(tiny_folder):
    process = start_lmgen("complete", "-", "-m", tiny_folder, stdin=subprocess.PIPE)

    _, err = process.communicate(b"ab\xff")

    assert process.returncode == 2
    assert b"not UTF-8 text: see byte 3" in err


def test_output_goes_to_a_file(complete, tmp_path):
    path = tmp_path / "samples.txt"

    result = complete(PREFIX, "--seed", 1, "-o", path)

    assert (result.exit_code, result.out) == (0, "")
    assert path.read_text() == complete(PREFIX, "--seed", 1).out


def test_a_file_that_cannot_be_written_is_refused(complete, tmp_path):
    result = complete(PREFIX, "-o", tmp_path / "no" / "folder.txt")

    assert result.exit_code == 3
    assert "cannot write" in result.err


def test_the_placement_is_printed_on_stderr(complete):
    result = complete(PREFIX, "--seed", 1, "--device", "cpu:0", "--device", "cpu:1", "--log-placement")

    assert result.out == complete(PREFIX, "--seed", 1).out
    assert "lstm/lstm_1/concat_2\tConcat\t/job:localhost/replica:0/task:0/device:CPU:1" in result.err.splitlines()


def test_tensorflow_s_chatter_reaches_the_user_only_under_v(tiny_folder):
    quiet = start_lmgen("complete", "-m", tiny_folder, "--seed", 1)
    loud = start_lmgen("complete", "-m", tiny_folder, "--seed", 1, "-v")

    assert quiet.communicate()[1] == b""
    assert b"oneDNN" in loud.communicate()[1]


def in_terminal(*arguments, **environment):
    """What a terminal shows, byte for byte."""
    ours, theirs = pty.openpty()
    process = start_lmgen(*arguments, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", **environment})
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        shown += chunk
    os.close(ours)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_the_prefix_is_dim(tiny_folder):
    command = ("complete", PREFIX, "-m", tiny_folder, "--seed", 1)

    shown = in_terminal(*command)

    assert shown.startswith("\x1b[2mthe cat\x1b[0m ")
    assert "\x1b" not in in_terminal(*command, NO_COLOR="1")
    assert "\x1b" not in in_terminal(*command, TERM="dumb")


def test_colour_can_be_forced_into_a_pipe(complete, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert complete(PREFIX, "--seed", 1).out.startswith("\x1b[2mthe cat\x1b[0m ")


def test_a_reader_that_has_enough_ends_it_quietly(tiny_folder):
    """As `lmgen complete -n 2000 | head -1` does."""
    process = start_lmgen("complete", "-m", tiny_folder, "-n", 2000, "--max-words", 100_000)
    assert process.stdout.readline()
    process.stdout.close()

    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""


@pytest.mark.parametrize("kind", ["text", "jsonl"])
def test_ctrl_c_keeps_what_was_made(tiny_folder, tmp_path, kind):
    path = tmp_path / "samples"
    arguments = ("-m", tiny_folder, "-n", 3000, "--max-words", 100_000, "--format", kind, "-o", path)
    process = start_lmgen("complete", *arguments)
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size > 1000 for file in tmp_path.glob(".samples*")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"Traceback" not in err
    lines = path.read_text().splitlines()
    assert len(lines) == 3000
    if kind == "jsonl":
        assert {json.loads(line)["ended"] for line in lines} >= {"sentence"}
