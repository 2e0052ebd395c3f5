import csv
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import start_lmgen

PREFIX = "the cat"


@pytest.fixture
def complete(lmgen, writer_folder):
    def run(*arguments):
        return lmgen("complete", "-m", writer_folder, *arguments)

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
    assert "not in the vocabulary, read by their spelling: dog 's" in complete("the dog's", "-v").err


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


def test_a_prefix_comes_from_stdin(writer_folder):
    process = start_lmgen("complete", "-", "-m", writer_folder, "--seed", 1, stdin=subprocess.PIPE)

    out, err = process.communicate("the voilà \n".encode())

    assert (process.returncode, err) == (0, b"")
    assert out.decode().startswith("the voilà")


def test_a_prefix_comes_through_a_socket_too(writer_folder):
    ours, its = socket.socketpair()
    process = start_lmgen("complete", "-m", writer_folder, "--seed", 1, stdin=its)
    ours.sendall(b"the cat")
    ours.close()
    its.close()

    assert process.communicate()[0].startswith(b"the cat")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (b"ab\xff", b"not UTF-8 text: see byte 3"),
        (b"a\0b", b"not text: byte 2 is NUL"),
        (b"a" * 10_000_000, b"a text of 10,000,000 characters is too long"),
    ],
    ids=["bytes", "nul", "long"],
)
def test_stdin_that_will_not_do_is_refused(writer_folder, given, told):
    process = start_lmgen("complete", "-", "-m", writer_folder, stdin=subprocess.PIPE)

    _, err = process.communicate(given)

    assert process.returncode == 2
    assert told in err
    assert err.count(b"\n") == 1


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


def test_tensorflow_s_chatter_reaches_the_user_only_under_v(writer_folder):
    quiet = start_lmgen("complete", "-m", writer_folder, "--seed", 1, "--engine", "session")
    loud = start_lmgen("complete", "-m", writer_folder, "--seed", 1, "--engine", "session", "-v")

    assert quiet.communicate()[1] == b""
    assert re.search(b"oneDNN|cuda", loud.communicate()[1])  # which of them depends on the machine


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


def test_on_a_terminal_the_prefix_is_dim(writer_folder):
    command = ("complete", PREFIX, "-m", writer_folder, "--seed", 1)

    shown = in_terminal(*command)

    assert shown.startswith("\x1b[2mthe cat\x1b[0m ")
    assert "\x1b" not in in_terminal(*command, NO_COLOR="1")
    assert "\x1b" not in in_terminal(*command, TERM="dumb")


def test_colour_can_be_forced_into_a_pipe(complete, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert complete(PREFIX, "--seed", 1).out.startswith("\x1b[2mthe cat\x1b[0m ")


def test_a_reader_that_has_enough_ends_it_quietly(writer_folder):
    """As `lmgen complete -n 2000 | head -1` does."""
    process = start_lmgen("complete", "-m", writer_folder, "-n", 2000, "--max-words", 100_000)
    assert process.stdout.readline()
    process.stdout.close()

    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""


@pytest.mark.parametrize("kind", ["text", "jsonl"])
def test_ctrl_c_keeps_what_was_made(writer_folder, tmp_path, kind):
    path = tmp_path / "samples"
    endless = ("-n", 10**9, "--ignore-eos", "--max-words", 3)
    arguments = ("-m", writer_folder, *endless, "--format", kind, "-o", path)
    process = start_lmgen("complete", *arguments)
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size > 100 for file in tmp_path.glob(".samples*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"Traceback" not in err
    lines = path.read_text().splitlines()
    assert len(lines) > 3
    if kind == "jsonl":
        assert {json.loads(line)["ended"] for line in lines} <= {"length", "interrupted"}


def test_a_file_of_prefixes_is_gone_on_from_line_by_line(complete, tmp_path):
    path = tmp_path / "prefixes.csv"
    path.write_text("item,prefix\n1,the cat\n2,voilà\n")

    table = complete("-f", path, "-n", 2, "--seed", 5, "--format", "tsv").out.splitlines()
    alone = complete("the cat", "-n", 2, "--seed", 5, "--format", "tsv").out.splitlines()

    assert [line.split("\t")[0] for line in table] == ["item", "1", "1", "2", "2"]
    assert [line.split("\t", 1)[1] for line in table[1:3]] == alone[1:]
    assert all("\tvoilà\t" in line for line in table[3:])


def test_a_pipe_gives_the_prefix(writer_folder):
    process = start_lmgen("complete", "-m", writer_folder, "--seed", 1, stdin=subprocess.PIPE)

    assert process.communicate(b"the cat")[0].startswith(b"the cat")


def test_prefixes_come_line_by_line_from_stdin(writer_folder):
    process = start_lmgen("complete", "-f", "-", "-m", writer_folder, "--seed", 1, stdin=subprocess.PIPE)

    lines = process.communicate(b"the\ncat\n")[0].decode().splitlines()

    assert [line.split()[0] for line in lines] == ["the", "cat"]


def test_constraints_hold(complete):
    text = complete("--allow", "/^word1/", "--ban", "word11", "--min-words", 4, "--seed", 1, "--max-words", 20).out

    assert len(text.split()) >= 4
    assert {word[:5] for word in text.split()} == {"word1"}
    assert "word11" not in text.split()


def test_a_beam_is_the_same_every_time_and_best_first(complete):
    lines = complete(PREFIX, "--beam", 3, "--max-words", 4, "--format", "jsonl").out.splitlines()

    logprobs = [json.loads(line)["logprob"] for line in lines]
    assert len(lines) == 3
    assert logprobs == sorted(logprobs, reverse=True)
    assert complete(PREFIX, "--beam", 3, "--max-words", 4).out.splitlines()[0].startswith(PREFIX)


def test_alternatives_and_logprobs_are_shown(complete):
    shown = complete(PREFIX, "--seed", 1, "--max-words", 2, "--alternatives", 3).out.splitlines()
    record = json.loads(complete(PREFIX, "--seed", 1, "--max-words", 2, "--logprobs", 3, "--format", "jsonl").out)

    first = record["logprobs"][0]
    assert shown[0] == PREFIX
    assert shown[1].split()[0] == first["word"]
    assert len(first["alternatives"]) == 3


def test_each_draw_can_be_audited(complete):
    rows = [line.split("\t") for line in complete(PREFIX, "--seed", 1, "--audit").err.splitlines()]

    assert rows[0] == ["prompt", "sample", "index", "word", "draw", "low", "high"]
    assert all(float(low) <= float(draw) < float(high) for *_, draw, low, high in rows[1:])


def test_the_draw_that_ends_a_sentence_is_audited_too(complete):
    told = complete(PREFIX, "--seed", 1, "--audit", "--min-words", 2, "--bias", "</S>=50").err.splitlines()[1:]

    assert [line.split("\t")[2:4] for line in told][-1] == ["2", "</S>"]
    assert len(told) == 3


def test_statistics_are_told_on_stderr(complete):
    told = dict(line.split("\t") for line in complete(PREFIX, "--seed", 1, "--stats").err.splitlines())

    assert told["seed"] == "1"
    assert float(told["words/s"]) > 0
    assert float(told["masked share"]) > 0
    assert float(told["entropy, bits"]) > 0


def test_text_can_be_raw_without_prefix_or_tokenised_already(complete):
    assert complete("the cat's", "--seed", 1, "--raw").out.startswith("the cat 's ")
    assert not complete(PREFIX, "--seed", 1, "--no-echo").out.startswith("the")
    assert complete("cat's", "--no-tokenize", "--seed", 1, "--raw").out.startswith("cat's ")


def test_a_long_prefix_is_read(complete):
    result = complete("the cat " * 2000, "--seed", 1, "--max-words", 1, "--no-echo")

    assert result.exit_code == 0


def test_marks_can_be_fed_by_their_letters(lmgen, writer_folder):
    """Another row is read at the start, so the same draws meet another distribution."""
    command = ["complete", "-m", writer_folder, "the", "--seed", 1, "--format", "jsonl"]

    assert lmgen(*command).out != lmgen(*command, "--spelled-marks").out


def test_columns_of_the_user_s_stay_and_ours_get_another_name(complete, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        '{"prefix": "the", "seed": 3, "text": "mine", "sample": [1]}\n{"prefix": "cat", "late": "\\"x\\""}\n'
    )

    told = complete("-f", path, "--format", "tsv", "--max-words", 2)

    rows = list(csv.DictReader(io.StringIO(told.out), delimiter="\t"))
    assert told.err == "columns of yours stay as they are: sample, text; lmgen's are lmgen_sample, lmgen_text\n"
    assert [row["text"] for row in rows] == ["mine", ""]
    assert [row["sample"] for row in rows] == ["[1]", ""]
    assert [row["late"] for row in rows] == ["", '"x"']
    assert [row["lmgen_sample"] for row in rows] == ["0", "0"]
    assert rows[0]["seed"] == "3"
    assert all(row["lmgen_text"] for row in rows)


def test_prompts_are_read_in_the_encoding_and_format_they_are_in(complete, tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("mine;prefix\nvoilà;the cat\n".encode("utf-16"))

    told = complete(
        "-f", path, "--input-format", "csv", "--delimiter", ";", "--encoding", "utf-16", "--format", "jsonl"
    )

    assert (told.exit_code, json.loads(told.out)["mine"]) == (0, "voilà")
    assert json.loads(told.out)["prefix"] == "the cat"
    assert complete("the", "--encoding", "latin-1").exit_code == 2


def test_a_byte_order_mark_before_a_piped_prefix_is_no_word(lmgen, writer_folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\ufeffthe cat".encode())))

    assert lmgen("complete", "-m", writer_folder, "-", "--max-words", 1).out.startswith("the cat")


def test_a_prefix_behind_board_is_not_taken_for_its_folder(complete, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    refused = complete("--board", "She said")

    assert (refused.exit_code, refused.out) == (2, "")
    assert "write --board last" in refused.err
    assert not list(tmp_path.glob("She*"))


def test_every_line_of_a_pipe_is_continued_as_it_comes(writer_folder):
    arguments = ("complete", "-f", "-", "-m", writer_folder, "--max-words", "2", "--no-stream")
    process = start_lmgen(*arguments, stdin=subprocess.PIPE, text=True)
    shown = []
    for prefix in ("the cat\n", "the\n"):
        process.stdin.write(prefix)
        process.stdin.flush()
        shown.append(process.stdout.readline())
    process.stdin.close()

    assert process.wait(30) == 0
    assert shown[0].split()[:2] == ["the", "cat"]
    assert shown[1].startswith("the")
