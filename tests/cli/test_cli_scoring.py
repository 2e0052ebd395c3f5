"""`lmgen surprisal`, `next`, `eval`, `score`, `choose` and lm-zoo's verbs, on the tiny model."""

import csv
import io
import json
import math
import os
import pty
import re
import signal
import subprocess

import h5py
import numpy as np
import pytest

from lmgen.embeddings.words import WordSpace
from lmgen.model import read
from lmgen.scoring.measure import Scoring
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.softmax import probabilities

from conftest import load, random_weights, start_lmgen, write_tiny

TEXT = "the cat sat\n\nthe zork\n"
LEFT_OUT = "1 text without a word is left out\n"


@pytest.fixture
def run(lmgen, tiny_folder, tiny_model, monkeypatch):
    """Run a command in this process on the tiny model, which is loaded once; those in processes of their own load it."""
    monkeypatch.setattr("lmgen.cli.model_options.load", lambda *_: tiny_model)
    return lambda command, *arguments: lmgen(command, *arguments, "-m", tiny_folder)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def scored(tiny_model):
    """The sentences of TEXT as the scorer has them."""
    return list(
        score_sentences(
            tiny_model, map(Sentence, (["the", "cat", "sat"], ["the", "zork"])), Scoring(rank=True, entropy=True)
        )
    )


def table(out, comma="\t"):
    return list(csv.DictReader(io.StringIO(out), delimiter=comma))


# surprisal ------------------------------------------------------------------------------------


def test_a_row_per_word_with_every_column(run, text, scored):
    result = run("surprisal", text)
    rows = table(result.out)

    assert (result.exit_code, result.err) == (0, LEFT_OUT)
    assert list(rows[0]) == "sentence_id token_id token surprisal logprob prob rank entropy oov".split()
    assert [(row["sentence_id"], row["token_id"], row["token"], row["oov"]) for row in rows] == [
        *(("1", "1", "the", "0"), ("1", "2", "cat", "0"), ("1", "3", "sat", "0"), ("1", "4", "</S>", "0")),
        *(("3", "1", "the", "0"), ("3", "2", "zork", "1"), ("3", "3", "</S>", "0")),
    ]
    logprobs = np.concatenate([one.logprobs for one in scored])
    entropies = np.concatenate([one.measures.entropies for one in scored])
    for row, logprob, entropy in zip(rows, logprobs, entropies, strict=True):
        assert float(row["surprisal"]) == pytest.approx(-logprob / math.log(2), abs=1e-6)
        assert float(row["logprob"]) == pytest.approx(logprob, abs=1e-6)
        assert float(row["prob"]) == pytest.approx(math.exp(logprob), rel=1e-5)
        assert float(row["entropy"]) == pytest.approx(entropy / math.log(2), abs=1e-6)
    assert [int(row["rank"]) for row in rows] == np.concatenate([one.measures.ranks for one in scored]).tolist()


@pytest.mark.parametrize(
    ("base", "unit", "name"), [("2", math.log(2), "bits"), ("e", 1, "nats"), ("10", math.log(10), "bans")]
)
def test_the_base_is_as_asked_and_is_told(run, text, scored, base, unit, name):
    result = run("surprisal", text, "--base", base, "--stats", "--columns", "surprisal")

    assert [float(row["surprisal"]) for row in table(result.out)][:4] == pytest.approx(
        (-scored[0].logprobs / unit).tolist(), abs=1e-6
    )
    assert f"base\t{base} ({name})\nsentences\t2\ntokens\t7\noov\t1\nperplexity\t" in result.err


def test_lm_zoo_s_columns_and_rows_in_bits(run, text, scored):
    result = run("surprisal", text, "--format", "lm-zoo")

    bits = [[0.0, *(-one.logprobs / math.log(2))] for one in scored]
    tokens = [["<S>", "the", "cat", "sat", "</S>"], ["<S>", "the", "<UNK>", "</S>"]]
    rows = [
        f"{number}\t{place}\t{token}\t{value:f}\n"
        for number, values, words in zip((1, 3), bits, tokens, strict=True)
        for place, (value, token) in enumerate(zip(values, words, strict=True), 1)
    ]
    assert result.out == "sentence_id\ttoken_id\ttoken\tsurprisal\n" + "".join(rows)


def test_kenlm_s_lines_and_totals(run, text, scored):
    *lines, including, excluding, oovs, tokens = run("surprisal", text, "--format", "kenlm").out.splitlines()

    fields = lines[1].split("\t")
    assert [field.rpartition(" ")[0] for field in fields] == [
        "the=3 0",
        "zork=0 0",
        "</s>=2 0",
        fields[3].rpartition(" ")[0],
    ]
    assert float(fields[1].split()[2]) == pytest.approx(scored[1].logprobs[1] / math.log(10), rel=1e-5)
    total = sum(one.logprobs.sum() for one in scored)
    assert fields[3].endswith(" OOV: 1")
    assert float(fields[3].split()[1]) == pytest.approx(scored[1].logprobs.sum() / math.log(10), rel=1e-5)
    assert float(including.split("\t")[1]) == pytest.approx(math.exp(-total / 7), rel=1e-5)
    assert float(excluding.split("\t")[1]) == pytest.approx(math.exp((scored[1].logprobs[1] - total) / 6), rel=1e-5)
    assert (oovs, tokens) == ("OOVs:\t1", "Tokens:\t7")


def test_srilm_s_lines_and_totals(run, text, scored):
    lines = run("surprisal", text, "--format", "srilm").out.splitlines()

    assert lines[0] == "the cat sat"
    assert lines[1].startswith("\tp( the | <s> ) \t= [1gram] ")
    assert lines[2].startswith("\tp( cat | the ...) \t= [1gram] ")
    assert lines[10] == "\tp( zork | the ...) \t= [OOV] 0 [ -inf ]"
    assert lines[12] == "1 sentences, 2 words, 1 OOVs"
    known = (sum(one.logprobs.sum() for one in scored) - scored[1].logprobs[1]) / math.log(10)
    assert lines[-2] == f"file {text}: 2 sentences, 5 words, 1 OOVs"
    assert lines[-1] == (
        f"0 zeroprobs, logprob= {known:.6g} ppl= {10 ** (-known / 6):.6g} ppl1= {10 ** (-known / 4):.6g}"
    )


@pytest.mark.parametrize(("name", "comma", "kind"), [("a.csv", ",", "csv"), ("a.tsv", "\t", "tsv")])
def test_columns_of_items_are_passed_through(run, tmp_path, name, comma, kind):
    (tmp_path / name).write_text(comma.join(["item", "sentence"]) + "\n" + comma.join(["x", "the cat"]) + "\n")

    rows = table(run("surprisal", tmp_path / name, "--column", "sentence", "--format", kind).out, comma)

    assert list(rows[0])[:3] == ["item", "sentence_id", "token_id"]
    assert [(row["item"], row["token"]) for row in rows] == [("x", "the"), ("x", "cat"), ("x", "</S>")]


@pytest.mark.parametrize("command", ["surprisal", "score", "choose"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_of_the_user_s_stays_and_lmgen_s_gets_another_name(run, tmp_path, command, kind):
    """`sentence_id`, `logprob` and more were overwritten."""
    names = {"sentence_good": "the cat", "sentence_bad": "cat the"} if command == "choose" else {"text": "the cat"}
    plain = {**names, "item": "x"}
    own = list(table(run(command, *file_of(tmp_path, command, plain), "--format", "csv").out, ",")[0])[1:]
    mine = {name: f"my {name}" for name in own}

    result = run(command, *file_of(tmp_path, command, {**names, **mine}), "--format", kind)

    [row, *_] = table(result.out, ",") if kind == "csv" else map(json.loads, result.out.splitlines())
    assert list(row) == [*own, *(f"lmgen_{name}" for name in own)]
    assert {name: row[name] for name in own} == mine
    told = f"columns of yours stay as they are: {', '.join(own)}; lmgen's are lmgen_{', lmgen_'.join(own)}\n"
    assert result.err.count(told) == 1


def file_of(tmp_path, command, record):
    """Two equal objects in a file, as a command's arguments."""
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(record)}\n" * 2)
    return ["-f"] * (command == "choose") + [tmp_path / "a.jsonl"]


def test_lmgen_s_columns_have_one_name_in_all_rows(run, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "the"}\n{"text": "the", "logprob": 1}\n')

    rows = list(map(json.loads, run("score", tmp_path / "a.jsonl", "--format", "jsonl").out.splitlines()))

    assert [row["logprob"] for row in rows] == [None, 1]
    assert rows[0]["lmgen_logprob"] == pytest.approx(rows[1]["lmgen_logprob"], abs=2e-6)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_table_has_the_keys_of_all_objects(run, tmp_path, kind):
    """Keys that the first object lacks were dropped, and nested values were written as Python has them."""
    (tmp_path / "a.jsonl").write_text('{"text": "the"}\n{"text": "the", "k": {"x": [null, true, "\\u00e9"]}}\n')

    rows = table(run("score", tmp_path / "a.jsonl", "--format", kind).out, "," if kind == "csv" else "\t")

    assert [row["k"] for row in rows] == ["", '{"x": [null, true, "é"]}']


def test_a_pipe_of_objects_is_refused_where_a_table_would_lose_a_key(run, piped):
    piped(b'{"text": "the"}\n{"text": "the", "k": 1}\n')

    result = run("score", "-", "--input-format", "jsonl", "--format", "csv")

    assert result.exit_code == 2
    assert result.err == (
        "lmgen: a row has a column 'k' that the first one lacks: give a file, not a pipe, or --format jsonl\n"
    )


@pytest.fixture
def piped(monkeypatch):
    return lambda data: monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b'{"text": "the", "n": "1"}\n', ["--input-format", "jsonl"]),
        (b"\xef\xbb\xbftext,n\nthe,1\n", ["--input-format", "csv"]),
        (b"text\tn\rthe\t1\r", ["--input-format", "tsv"]),
        (b"text;n\nthe;1\n", ["--input-format", "csv", "--delimiter", ";"]),
        ("text,n\nthe,1\n".encode("utf-16"), ["--input-format", "csv", "--encoding", "utf-16"]),
    ],
)
def test_stdin_can_hold_what_a_file_can(run, piped, data, options):
    piped(data)

    [row] = table(run("score", "-", *options).out)

    assert (row["n"], row["sentence"]) == ("1", "the")


@pytest.mark.parametrize("command", ["surprisal", "score", "eval", "tokenize", "unkify", "predictions", "choose"])
def test_every_command_with_a_file_knows_how_it_may_be_written(run, tmp_path, command):
    text = "id;text;sentence_good;sentence_bad\n1;voilà;the;voilà\n"
    (tmp_path / "a.txt").write_text(text, encoding="latin-1")
    options = ["--input-format", "csv", "--encoding", "latin-1", "--delimiter", ";"]

    named = ["-f"] * (command == "choose") + [tmp_path / "a.txt"]
    output = ["-o", tmp_path / "a.hdf5"] * (command == "predictions")
    result = run(command, *named, *options, *output)

    assert result.exit_code == 0, result.err
    assert run(command, *named, *output).exit_code == 2


def test_a_text_with_quotes_is_a_row_as_spreadsheets_write_it(run, tmp_path):
    """pandas and R read 18,158 of 28,199 rows of TSV, because a cell began with a quote."""
    (tmp_path / "a.tsv").write_text('text\tid\n"the cat\t"\n" sat "\t2\n')

    out = run("surprisal", tmp_path / "a.tsv", "--columns", "token").out
    zoo = run("surprisal", tmp_path / "a.tsv", "--format", "lm-zoo", "--oov-input", "unk").out

    assert [row["token"] for row in csv.DictReader(io.StringIO(out), dialect="excel-tab")] == [
        *('"', "the", "cat", "</S>"),
        *("sat", "</S>"),
    ]
    assert out.splitlines()[1] == '""""\t""""'
    assert len(table(zoo)) == 5 + 3


def test_texts_without_a_word_are_counted_and_told(run, tmp_path):
    (tmp_path / "a.csv").write_text("text,n\n,1\nthe,2\n\n ,3\ncat,4\n")

    result = run("score", tmp_path / "a.csv")

    assert [(row["sentence_id"], row["n"]) for row in table(result.out)] == [("2", "2"), ("4", "4")]
    assert result.err == "2 texts without a word are left out\n"


@pytest.mark.parametrize(
    ("name", "heading", "row"),
    [("a.csv", "text,n\n", "the cat,1\n"), ("a.tsv", "text\tn\n", "the cat\t1\n"), ("a.jsonl", "", '{"text": "the cat"}\n')],
)  # fmt: skip
def test_the_memory_is_emptied_at_blank_lines_of_tables_too(run, tmp_path, name, heading, row):
    (tmp_path / name).write_text(f"{heading}{row}{row}\n{row}")

    first, second, third = (
        json.loads(line) for line in run("score", tmp_path / name, "--context", "document", "--format", "jsonl").out.splitlines()
    )  # fmt: skip

    assert first["logprob"] == pytest.approx(third["logprob"], abs=2e-6) != second["logprob"]
    assert [one["sentence_id"] for one in (first, second, third)] == [1, 2, 3]


def test_a_text_of_no_words_has_nothing_to_measure(run, tmp_path):
    (tmp_path / "a.txt").write_text("\n \n")

    result = run("eval", tmp_path / "a.txt")

    assert result.exit_code == 2
    assert result.err.splitlines()[0] == "2 texts without a word are left out"
    assert result.err.endswith("a.txt has no words: there is nothing to measure\n")


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl", "lm-zoo", "kenlm", "srilm"])
def test_bytes_that_are_no_text_are_written_as_what_stands_for_none(all_converted_folder, kind):
    """An argument that is not UTF-8, and a locale that is not: an internal error ended the batch."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    process = start_lmgen("surprisal", "--text", os.fsdecode(b"voil\xe0 \xc3\xa9"), "--no-tokenize", "--format", kind, "-m", all_converted_folder, env=environment)  # fmt: skip
    out, err = process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert ("voil\ufffd" in out.decode()) == (kind != "lm-zoo")


def test_help_is_shown_in_any_locale():
    process = start_lmgen("surprisal", "--help", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert "A,B,…" in out.decode()


def test_a_spreadsheet_s_byte_order_mark_is_no_part_of_a_column(run, tmp_path):
    (tmp_path / "a.csv").write_text("text,item\nthe cat,x\n", encoding="utf-8-sig")

    assert table(run("surprisal", tmp_path / "a.csv").out)[0]["item"] == "x"


def test_json_lines_in_and_out(run, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "the cat", "n": 3}\n')

    rows = list(
        map(
            json.loads,
            run("surprisal", tmp_path / "a.jsonl", "--format", "jsonl", "--columns", "token,oov").out.splitlines(),
        )
    )

    assert rows[0] == {"n": 3, "token": "the", "oov": 0}


def test_context_decides_when_the_memory_is_emptied(run, tmp_path):
    (tmp_path / "a.txt").write_text("the cat\nthe cat\n\nthe cat\n")

    def firsts(context):
        rows = table(run("surprisal", tmp_path / "a.txt", "--context", context).out)
        return [row["surprisal"] for row in rows if row["token_id"] == "1"]

    alone, document, stream = firsts("sentence"), firsts("document"), firsts("stream")
    assert alone[0] == alone[1] == alone[2]
    assert document[0] == document[2] != document[1]
    assert len({*stream}) == 3


def test_words_are_tokenised_unless_they_are_already(run):
    text = "don't (you)"

    assert [row["token"] for row in table(run("surprisal", "--text", text).out)] == "don 't ( you ) </S>".split()
    assert [
        row["token"] for row in table(run("surprisal", "--text", text, "--no-tokenize").out)
    ] == "don't (you) </S>".split()


def test_sentences_come_from_a_pipe_and_go_to_a_file(all_converted_folder, tmp_path):
    output = tmp_path / "out.tsv"
    process = start_lmgen("surprisal", "-", "-m", all_converted_folder, "-o", output, stdin=subprocess.PIPE)
    out, err = process.communicate(TEXT.encode())

    assert (process.returncode, out, err.decode()) == (0, b"", LEFT_OUT)
    assert len(table(output.read_text())) == 7


def test_rows_come_while_the_text_is_still_being_written_until_ctrl_c(all_converted_folder):
    process = start_lmgen("surprisal", "-", "-m", all_converted_folder, stdin=subprocess.PIPE)
    process.stdin.write(b"the cat sat\n" * 400)
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"sentence_id\t")
    assert process.stdout.readline().startswith(b"1\t1\tthe\t")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert process.returncode == 130
    assert err == b"lmgen: stopped\n"


def test_a_terminal_gets_an_aligned_table(all_converted_folder):
    lines = on_a_terminal("stdout", "next", "the", "-k", 3, "-m", all_converted_folder).splitlines()

    assert lines[0].split() == ["rank", "word", "prob", "cumulative", "surprisal", "oov", "bar"]
    assert lines[1].endswith("█" * 30)
    assert lines[5].startswith("entropy, bits: ")


@pytest.mark.parametrize("command", ["eval", "surprisal", "score", "embed"])
def test_progress_and_the_time_left_are_shown_on_a_terminal_alone(all_converted_folder, text, command):
    shown = on_a_terminal("stderr", command, text, "-m", all_converted_folder)

    assert re.search(r"2/3.*sentences.*[-\d]:[-\d]{2}:[-\d]{2}", shown)


def test_files_are_scored_one_after_another(run, text, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("text,item\nthe cat,7\n")
    result = run("score", text, other, "--format", "csv")
    rows = table(result.out, ",")

    assert [(row["item"], row["file"], row["sentence_id"], row["sentence"]) for row in rows] == [
        ("", str(text), "1", "the cat sat"),
        ("", str(text), "3", "the zork"),
        ("7", str(other), "4", "the cat"),
    ]
    alone = table(run("score", other, "--format", "csv").out, ",")
    assert "file" not in alone[0]
    assert float(alone[0]["logprob"]) == pytest.approx(float(rows[2]["logprob"]), abs=2e-6)


def test_the_state_is_not_carried_from_file_to_file(run, tmp_path):
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("the cat\n")
    two.write_text("the cat\nthe cat\n")
    first, second, third = (float(row["logprob"]) for row in table(run("score", one, two, "--context", "stream").out))

    assert first == pytest.approx(second, abs=2e-6) != third


def test_perplexity_is_that_of_all_files_together(run, text):
    once, twice = (json.loads(run("eval", *files, "--format", "json").out) for files in ([text], [text, text]))

    assert twice["predictions"] == 2 * once["predictions"]
    assert twice["perplexity"] == pytest.approx(once["perplexity"])


@pytest.mark.parametrize(
    ("way", "sentences", "said"),
    [
        ("skip", ["the cat", "the"], "2 rows skipped"),
        ("replace", ["the cat", "t\ufffde", "a\ufffdb", "the"], "2 rows replaced"),
    ],
)
def test_rows_that_cannot_be_read_are_counted_and_the_others_scored(run, tmp_path, way, sentences, said):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"the cat\nt\xffe\na\0b\nthe\n")
    result = run("score", path, "--errors", way, "--no-tokenize")

    assert result.exit_code == 0
    assert [row["sentence"] for row in table(result.out)] == sentences
    assert f"{said}" in result.err
    assert "line 2" in result.err
    assert run("score", path).exit_code == 2


def test_prompts_and_items_that_cannot_be_read_are_skipped_too(run, tmp_path):
    prompts, items = tmp_path / "prompts.jsonl", tmp_path / "items.jsonl"
    prompts.write_text('{"prefix": "the"}\n{"prefix": "the", "top_k": "many"}\n{}\n')
    items.write_text('{"a": "the cat", "b": "the the"}\n{"a": "the cat", "b": ""}\n')
    written = run(
        "complete", "-f", prompts, "--errors", "skip", "--max-words", 1, "--format", "jsonl", "--engine", "session"
    )
    chosen = run("choose", "-f", items, "--candidates", "a,b", "--errors", "skip")

    assert len(written.out.splitlines()) == 1
    assert "2 rows skipped; the first:" in written.err
    assert len(table(chosen.out)) == 1
    assert "1 row skipped; the first:" in chosen.err


def on_a_terminal(stream, *arguments):
    """What a command shows where one of its streams is a terminal."""
    leader, follower = pty.openpty()
    process = start_lmgen(*arguments, env={**os.environ, "TERM": "xterm"}, **{stream: follower})
    os.close(follower)
    shown = b""
    while chunk := _read(leader):
        shown += chunk
    process.communicate()
    return shown.decode()


def _read(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.mark.parametrize(
    ("arguments", "name", "content", "exit_code", "message"),
    [
        (["surprisal"], "a.csv", b"item,sentence\n1,a\n", 2, "has no column 'text', only item, sentence"),
        (["surprisal"], "a.txt", b"good\nb\xffd\n", 2, "is not UTF-8 text: line 2, byte 2"),
        (["surprisal"], "a.bin", b"\x7fELF\0\0", 2, "is not text: line 1 holds a NUL byte"),
        (["surprisal"], "a.csv", b'text\n"' + b"a" * 2_000_000 + b'"\n', 2, "is not a row of a table"),
        (["surprisal", "--columns", "token,colour"], "a.txt", b"a\n", 2, "no column 'colour'"),
        (["surprisal", "--text", "a"], "a.txt", b"a\n", 2, "not both"),
        (["eval", "--format", "tsv"], "a.txt", b"a\n", 2, "only go with --per-sentence or --calibration"),
        (["eval", "--per-sentence", "--calibration"], "a.txt", b"a\n", 2, "rows of their own: give one"),
        (["eval", "--picture", "a.png"], "a.txt", b"a\n", 2, "the bins of --calibration: give that too"),
        (["eval", "--calibration", "--picture", "a.jpg"], "a.txt", b"a\n", 2, "a picture is written as .png"),
        (["eval", "--calibration", "--workers", "2"], "a.txt", b"a\n", 2, "is for one process: leave out --workers"),
        (["choose", "-f"], "a.txt", b"a\n", 2, "is read as text, without columns sentence_good, sentence_bad"),
        (["choose", "-f"], "a.csv", b"good,bad\na,b\n", 2, "no column 'sentence_good'"),
        (["surprisal"], "a.json", b"[]\n", 2, "is not read, as it is JSON: write an object on each line"),
        (["surprisal", "-o", "x.json"], "a.txt", b"a\n", 2, "x.json: rows are written as JSON lines"),
        (["surprisal", "--encoding", "klingon"], "a.txt", b"a\n", 2, "there is no encoding 'klingon'"),
        (["surprisal", "--text", "a", "--delimiter", ";"], None, b"", 2, "describe a file, and none is given"),
        (["choose", "a", "b", "--encoding", "latin-1"], None, b"", 2, "describe a file, and none is given"),
        (["choose", "one"], None, b"", 2, "two SENTENCEs or more"),
        (["choose", "--candidates", "one", "-f"], "a.csv", b"one\na\n", 2, "two columns or more"),
        (["choose", "the cat", "cat the"], "a.csv", b"good,bad\na,b\n", 2, "give SENTENCEs or FILEs, not both"),
        (["choose", "--by", "topic"], "a.csv", b"sentence_good,sentence_bad\na,b\n", 2, "no column 'topic'"),
        (["choose", "--answer", "a", "--label", "b"], "a.csv", b"a,b\n", 2, "give --answer or --label, not both"),
        (["choose", "--prefix", "a", "--prefix-column", "b"], "a.csv", b"a,b\n", 2, "a --prefix or a --prefix-column"),
        (["next", "a", "--match", "("], None, b"", 2, "not a regular expression"),
        (["next", "a", "--candidates", "b", "--full"], None, b"", 2, "leave out --full"),
        (["next", "a", "--candidates", "@absent"], None, b"", 3, "cannot read the words of absent"),
        (["predictions", "--text", "a", "-o", "-"], None, b"", 2, "give -o a file's name"),
        (["predictions", "--text", "a", "-o", "absent/a.hdf5"], None, b"", 3, "cannot write absent/a.hdf5"),
        (["surprisal"], "absent", None, 3, "cannot read"),
    ],
)
def test_bad_input_is_refused_in_one_clear_line(run, tmp_path, arguments, name, content, exit_code, message):
    if content and name:
        (tmp_path / name).write_bytes(content)
    result = run(*arguments, *([tmp_path / name] if name else []))

    assert (result.exit_code, len(result.err.splitlines())) == (exit_code, 1), result.err
    assert message in result.err


def test_an_empty_file_has_a_heading_and_no_rows(run, tmp_path):
    (tmp_path / "empty").touch()

    assert run("surprisal", tmp_path / "empty") == (
        0,
        "sentence_id\ttoken_id\ttoken\tsurprisal\tlogprob\tprob\trank\tentropy\toov\n",
        "",
    )
    assert run("score", tmp_path / "empty").out == "sentence_id\tsentence\ttokens\toov\tsurprisal\tlogprob\n"


def test_after_a_failure_no_file_looks_whole(run, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"the cat\n" * 2000 + b"\xff\n")

    assert run("surprisal", tmp_path / "a.txt", "-o", tmp_path / "out.tsv").exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.txt", "out.tsv.partial"]


# next -----------------------------------------------------------------------------------------


def test_every_word_of_the_vocabulary_is_listed(run, tiny_words):
    rows = table(run("next", "the cat", "--full", "--stats").out)

    assert sorted(row["word"] for row in rows) == sorted(tiny_words)
    assert [int(row["rank"]) for row in rows] == list(range(1, len(tiny_words) + 1))
    assert float(rows[-1]["cumulative"]) == pytest.approx(1, abs=1e-5)
    assert float(rows[2]["cumulative"]) == pytest.approx(sum(float(row["prob"]) for row in rows[:3]), rel=1e-4)


def test_next_agrees_with_surprisal(run):
    [row] = [row for row in table(run("next", "the", "--full").out) if row["word"] == "cat"]
    told = table(run("surprisal", "--text", "the cat").out)[1]

    assert [row[name] for name in ("rank", "surprisal")] == [told[name] for name in ("rank", "surprisal")]


def test_words_that_match_keep_their_ranks_and_their_share_is_told(run, tiny_words):
    result = run("next", "the", "--starts-with", "word", "--match", "3$", "-k", 50, "--stats")
    rows, facts = table(result.out), dict(line.split("\t") for line in result.err.splitlines())

    assert {row["word"] for row in rows} == {"word3", "word13", "word23"}
    assert float(facts["matching words together"]) == pytest.approx(sum(float(row["prob"]) for row in rows), rel=1e-4)
    assert float(facts["probability of <UNK>"]) > 0
    assert float(facts["softmax rows without a word"]) > 0


def test_candidates_keep_their_order_and_with_a_suffix_are_ranked(run, tiny_model, tmp_path):
    (tmp_path / "words").write_text("sat\nzork\n")
    given = ["--candidates", "cat the", "--candidates", f"@{tmp_path / 'words'}"]

    rows = table(run("next", "the", *given).out)
    ranked = table(run("next", "the", *given, "--suffix", "sat the").out)

    assert [(row["word"], row["oov"]) for row in rows] == [("cat", "0"), ("the", "0"), ("sat", "0"), ("zork", "1")]
    assert [row["joint_surprisal"] for row in ranked] == sorted((row["joint_surprisal"] for row in ranked), key=float)
    for row in ranked:
        [whole] = score_sentences(tiny_model, [Sentence(["the", row["word"], "sat", "the"])])
        assert float(row["joint_surprisal"]) == pytest.approx(-whole.logprobs[1:4].sum() / math.log(2), abs=1e-4)


# eval, score, choose --------------------------------------------------------------------------


def test_the_perplexity_comes_with_its_protocol(run, text, scored):
    told = run("eval", text).out.splitlines()
    facts = json.loads(run("eval", text, "--format", "json").out)

    assert facts["perplexity"] == pytest.approx(math.exp(-sum(one.logprobs.sum() for one in scored) / 7))
    assert (facts["predictions"], facts["words"], facts["sentences"], facts["oov"]) == (7, 5, 2, 1)
    assert facts["low"] < facts["perplexity"] < facts["high"]
    assert told[0].startswith(f"perplexity {facts['perplexity']:.2f} (95 % interval {facts['low']:.2f} to ")
    assert told[2] == "7 predictions: 5 words and 2 sentence ends"
    assert told[4] == f"protocol: {facts['protocol']}"
    assert "emptied at each sentence; an OOV word is <UNK> as a target and read by its spelling" in facts["protocol"]
    carried = json.loads(run("eval", text, "--format", "json", "--context", "stream", "--no-renormalize").out)
    assert "never emptied" in carried["protocol"]
    assert "counted in" in carried["protocol"]
    assert carried["perplexity"] != facts["perplexity"]


def test_sentences_are_told_one_by_one_and_their_sum_on_stderr(run, text, scored):
    result = run("eval", text, "--per-sentence")
    rows = table(result.out)

    assert [(row["sentence"], row["tokens"], row["oov"]) for row in rows] == [
        ("the cat sat", "4", "0"),
        ("the zork", "3", "1"),
    ]
    assert float(rows[1]["logprob"]) == pytest.approx(scored[1].logprobs.sum(), abs=1e-6)
    assert result.err.startswith(f"{LEFT_OUT}perplexity ")


@pytest.mark.parametrize(("reduce", "count"), [("sum", 1), ("mean", 4)])
def test_a_score_is_the_sum_of_surprisals_or_their_mean(run, text, scored, reduce, count):
    rows = table(run("score", text, "--reduce", reduce, "--base", "10").out)

    assert float(rows[0]["logprob"]) == pytest.approx(scored[0].logprobs.sum() / count, abs=1e-6)
    assert float(rows[0]["surprisal"]) == pytest.approx(-scored[0].logprobs.sum() / count / math.log(10), abs=1e-6)


def test_a_prefix_makes_scores_conditional(run, scored):
    rows = table(run("score", "--text", "sat", "--prefix", "the cat").out)

    assert float(rows[0]["logprob"]) == pytest.approx(scored[0].logprobs[2:].sum(), abs=1e-6)


def test_sentences_given_are_chosen_from(run):
    [row] = table(run("choose", "the cat sat", "the cat the", "cat").out)
    totals = [float(row["logprob"]) for row in table(run("score", "--text", "the cat sat\nthe cat the\ncat").out)]

    assert int(row["best"]) == 1 + int(np.argmax(totals))
    assert float(row["log_ratio"]) == pytest.approx((max(totals) - sorted(totals)[1]) / math.log(2), abs=1e-5)


def test_a_file_of_pairs_ends_with_its_accuracy(run, tmp_path):
    pairs = [("the cat", "cat the"), ("cat the", "the cat"), ("sat", "the word3 word4")]
    lines = [json.dumps({"sentence_good": good, "sentence_bad": bad, "UID": "u"}) for good, bad in pairs]
    (tmp_path / "blimp.jsonl").write_text("\n".join(lines) + "\n")

    result = run("choose", "-f", tmp_path / "blimp.jsonl")
    rows = table(result.out)

    right = sum(int(row["correct"]) for row in rows)
    assert result.err.startswith(f"accuracy {right / 3:.4f} ({right} of 3), 95 % interval ")
    assert int(rows[0]["correct"]) + int(rows[1]["correct"]) == 1
    assert rows[0]["parting"] in ("the/cat", "cat/the")
    assert (rows[0]["position"], rows[0]["UID"]) == ("1", "u")


# lm-zoo ---------------------------------------------------------------------------------------


def test_tokens_and_their_unknowns_are_as_many(run, text):
    assert run("tokenize", text).out == "<S> the cat sat </S>\n<S> the <UNK> </S>\n"
    assert run("unkify", text).out == "0 0 0 0 0\n0 0 1 0\n"
    assert run("tokenize", text, "--plain").out == "the cat sat\nthe zork\n"


def test_predictions_are_lm_zoo_s_in_hdf5(run, text, scored, tiny_words, tmp_path):
    path = tmp_path / "a.hdf5"
    result = run("predictions", text, "-o", path)

    assert (result.exit_code, result.out) == (0, "")
    with h5py.File(path) as file:
        assert [word.decode() for word in file["vocabulary"]] == tiny_words
        assert list(file["sentence"]) == ["0", "2"]
        logprobs, ids = file["sentence/2/predictions"][:], file["sentence/2/tokens"][:]
    assert ids.tolist() == [1, 3, 2, 0]
    assert logprobs.shape == (4, len(tiny_words))
    assert logprobs[0] == pytest.approx(-math.log(len(tiny_words)))
    assert np.exp(logprobs).sum(1) == pytest.approx(1, abs=1e-5)
    assert logprobs[[1, 2, 3], ids[1:]] == pytest.approx(scored[1].logprobs, abs=1e-5)


def test_the_specification_has_what_lm_zoo_requires(run, tiny_words):
    spec = json.loads(run("spec").out)

    assert {"name", "ref_url", "image", "vocabulary", "tokenizer"} <= set(spec)
    assert spec["vocabulary"]["items"] == tiny_words
    assert (spec["vocabulary"]["unk_types"], spec["tokenizer"]["type"]) == (["<UNK>"], "word")
    assert all(spec["image"]["supported_features"][name] for name in ("tokenize", "unkify", "get_surprisals"))


@pytest.mark.parametrize("arguments", [["spec"], ["predictions", "--text", "the", "-o", "a.hdf5"]])
def test_what_a_model_cannot_do_ends_with_99(lmgen, tiny_folder, tmp_path, monkeypatch, arguments):
    """A vocabulary may hold bytes that are no UTF-8; lm-zoo's formats may not."""
    import shutil

    folder = shutil.copytree(tiny_folder, tmp_path / "latin")
    [vocabulary] = folder.glob("vocab-*.txt")
    vocabulary.write_bytes(vocabulary.read_bytes().replace(b"cat\n", b"caf\xe9\n"))
    (folder / "model.toml").unlink()  # which has the other one's checksum
    monkeypatch.chdir(tmp_path)

    result = lmgen(*arguments, "-m", folder)

    assert (result.exit_code, result.out) == (99, "")
    assert "not UTF-8" in result.err
    assert not (tmp_path / "a.hdf5").exists()
    assert lmgen("surprisal", "--text", "the cat", "-m", folder).exit_code == 0


def test_the_first_word_is_predicted_from_the_start_alone(run, tiny_model):
    logits = tiny_model.logits(read(tiny_model, []).state)[0, : len(tiny_model.vocabulary)].astype(float)
    [row, _] = table(run("surprisal", "--text", "the").out)

    expected = math.log(np.exp(logits).sum()) - logits[tiny_model.vocabulary.id("the")]
    assert float(row["surprisal"]) == pytest.approx(expected / math.log(2), abs=1e-5)


def test_a_candidate_of_one_known_word_has_its_information_value(run, tiny_model):
    rows = table(run("next", "the", "--candidates", "sat,the cat,nowhere,cat", "--information-value").out)
    logits = tiny_model.logits(read(tiny_model, ["the"]).state)[0, : len(tiny_model.vocabulary)]
    expected = WordSpace(tiny_model, "out").information_values(["sat", "cat"], probabilities(logits))

    assert [rows[place]["information_value"] for place in (1, 2)] == ["", ""]
    assert [float(rows[place]["information_value"]) for place in (0, 3)] == pytest.approx(expected, abs=1e-5)


def test_candidates_of_several_words_stand_between_commas(run):
    several = table(run("next", "the", "--candidates", "the cat,sat,cat's").out)
    words = table(run("next", "the", "--candidates", "the , cat").out)

    assert [(row["word"], bool(row["rank"])) for row in several] == [
        ("the cat", False),
        ("sat", True),
        ("cat's", False),
    ]
    assert [row["word"] for row in words] == ["the", ",", "cat"]


def test_a_terminal_obeys_nothing_in_a_text(all_converted_folder, tmp_path):
    evil = "the \x1b]0;title\x07cat \x1b[2J\x9b2Jsat"
    shown = on_a_terminal("stdout", "surprisal", "--text", evil, "--by", "word", "-m", all_converted_folder)
    told = on_a_terminal("stderr", "score", "--text", "cat", "-m", "no\x1b[2Jmodel")
    start_lmgen("surprisal", "--text", evil, "--by", "word", "-o", tmp_path / "f", "-m", all_converted_folder).wait()

    assert "␛]0;title␇cat" in shown
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shown + told)
    assert "\x1b]0;title\x07cat" in (tmp_path / "f").read_text()


def test_tokens_of_the_penn_treebank_are_scored_as_the_text_is(run):
    penn = table(run("surprisal", "--text", "I ca n't -LRB- sit -RRB- .", "--tokens", "ptb").out)
    plain = table(run("surprisal", "--text", "I can't (sit).").out)

    assert penn == plain
    assert run("surprisal", "--text", "the", "--tokens", "ptb", "--no-tokenize").exit_code == 2


# words, regions, rows -------------------------------------------------------------------------


def test_a_table_on_a_terminal_has_the_users_words_and_files_have_tokens(run):
    assert "word_id" in run("surprisal", "--text", "The cat sat.", "--format", "table").out
    assert "token_id" in run("surprisal", "--text", "The cat sat.", "--format", "tsv").out
    assert "token_id" in run("surprisal", "--text", "The cat.", "--format", "table", "--columns", "token_id").out


def test_words_that_are_rows_get_their_own_columns_back(run, tmp_path):
    items = tmp_path / "items.csv"
    items.write_text("word,item,zone,rt\nThe,1,a,300\ncat,1,b,310\nsat.,1,b,320\nVoilà,2,a,330\n")
    long = ("--word-column", "word", "--sentence-column", "item")

    words = table(run("surprisal", items, *long, "--by", "word").out)
    regions = table(run("surprisal", items, *long, "--by", "region", "--region-column", "zone").out)
    sentences = table(run("score", items, *long).out)

    assert [(row["word"], row["rt"], row["tokens"]) for row in words] == [
        ("The", "300", "1"),
        ("cat", "310", "1"),
        ("sat.", "320", "2"),
        ("Voilà", "330", "1"),
    ]
    assert [row["region"] for row in regions] == ["The", "cat sat.", "Voilà"]
    assert [(row["item"], row["sentence"]) for row in sentences] == [("1", "The cat sat ."), ("2", "Voilà")]


def test_fragments_have_no_end(run):
    whole = table(run("score", "--text", "the cat").out)
    fragment = table(run("score", "--text", "the cat", "--no-end").out)

    assert [row["tokens"] for row in (*whole, *fragment)] == ["3", "2"]
    assert [row["token"] for row in table(run("surprisal", "--text", "the cat", "--no-end").out)] == ["the", "cat"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--word-column", "w"], "rows that make sentences need both: --word-column and --sentence-column"),
        (["--region-column", "r"], "name their --word-column and --sentence-column"),
        (["--group", "doc", "--context", "stream"], "leave out --context"),
        (["--prefix-column", "p", "--prefix", "it"], "a --prefix or a --prefix-column"),
        (["--prefix-column", "p", "--group", "doc"], "starts afresh: leave out --group"),
        (["--by", "word", "--format", "lm-zoo"], "leave out --by"),
        (["--no-end", "--format", "kenlm"], "leave out --no-end"),
        (["--no-end", "--board"], "leave out --no-end"),
        (["--punctuation", "own"], "add --by word"),
        (["--by", "word", "--columns", "token_id"], "there is no column 'token_id': choose from sentence_id,word_id"),
        (["--group", "doc"], "has no column 'doc', only text"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(run, arguments, message):
    result = run("surprisal", "--text", "the cat", *arguments)

    assert result.exit_code == 2
    assert message in result.err


PAIR = '{"sentence_good": "the cat sat", "sentence_bad": "%s", "UID": "%s", "field": "syntax"}\n'


def test_a_folder_of_pairs_is_one_call_with_accuracies_by_file_set_and_field(run, tmp_path):
    for uid, bad in [("one", "zork zork zork zork"), ("two", "the cat sat")]:
        (tmp_path / f"{uid}.jsonl").write_text(PAIR % (bad, uid) * 2)

    result = run("choose", tmp_path, "--summary", tmp_path / "accuracy.csv", "--format", "csv")

    rows = table(result.out, ",")
    assert [row["file"] for row in rows] == [str(tmp_path / name) for name in ("one.jsonl", "two.jsonl") for _ in "ab"]
    assert [row["correct"] for row in rows] == ["1", "1", "0", "0"]
    summary = table((tmp_path / "accuracy.csv").read_text(), ",")
    assert [(row["by"], row["value"], row["correct"], row["items"]) for row in summary[2:]] == [
        *(("UID", "one", "2", "2"), ("UID", "two", "0", "2")),
        *(("field", "syntax", "2", "4"), ("all", "", "2", "4")),
    ]
    assert (
        result.err.splitlines()[2] == "UID    one" + " " * (len(str(tmp_path)) + 9) + "1.0000  0.3424 to 1.0000  2 of 2"
    )
    assert result.err.splitlines()[-1] == "accuracy 0.5000 (2 of 4), 95 % interval 0.1500 to 0.8500"


def test_accuracy_is_given_by_a_column_of_the_users(run, tmp_path):
    (tmp_path / "a.csv").write_text("sentence_good,sentence_bad,topic\nthe,zork zork,x\nthe,the,y\n")

    err = run("choose", tmp_path / "a.csv", "--by", "topic").err

    assert [line.split()[:3] for line in err.splitlines()[:-1]] == [["topic", "x", "1.0000"], ["topic", "y", "0.0000"]]


SUITE = """item_number,condition_name,region_number,region_name,content
1,ok,1,Start,the cat
1,ok,2,Verb, sat
1,bad,1,Start,the cat
1,bad,2,Verb, zork zork
"""
HOLDS, FAILS = "(2;%bad%) > (2;%ok%)", "(*;%bad%) < (*;%ok%)"


def test_a_folder_of_suites_is_searched_as_one_of_pairs_and_json_comes_before_tables(run, tmp_path):
    inner = tmp_path / "suites" / "inner"
    inner.mkdir(parents=True)
    (inner / "b.csv").write_text(SUITE)
    alone = table(run("syntaxgym", tmp_path, "--of", "regions").out)
    (tmp_path / "suites" / "a.json").write_text(
        json.dumps({"items": [{"conditions": [{"condition_name": "c", "regions": [{"content": "the cat"}]}]}]})
    )
    both = table(run("syntaxgym", tmp_path, "--of", "regions").out)

    assert {row["suite"] for row in alone} == {"b"}
    assert {row["suite"] for row in both} == {"a"}
    (tmp_path / "empty").mkdir()
    assert "empty holds no .json, .jsonl, .csv, .tsv or .parquet" in run("syntaxgym", tmp_path / "empty").err


def test_the_predictions_of_a_suite_are_tested(run, tmp_path):
    (tmp_path / "a.csv").write_text(SUITE)

    result = run("syntaxgym", tmp_path, "--predict", HOLDS, "--predict", FAILS)

    rows = table(result.out)
    assert [(row["suite"], row["formula"], row["correct"], row["items"]) for row in rows] == [
        *(("a", HOLDS, "1", "1"), ("a", FAILS, "0", "1"))
    ]
    assert result.err == "mean accuracy of 2 predictions 0.5000\n"
    items = table(run("syntaxgym", tmp_path / "a.csv", "--predict", HOLDS, "--of", "items").out)
    assert [(row["item_number"], row["correct"]) for row in items] == [("1", "1")]
    regions = table(run("syntaxgym", tmp_path / "a.csv", "--of", "regions").out)
    assert [(row["condition_name"], row["content"], row["oov"]) for row in regions[2:]] == [
        *(("bad", "the cat", "0"), ("bad", "zork zork", "2"))
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the suite a has no predictions: add --predict FORMULA, or --of regions"),
        (["--predict", "(2;%bad%) >"], "a.csv: prediction 1: character 12 of the formula: it ends"),
        (
            ["--predict", "(2;%good%) > 1"],
            "a.csv: prediction 1, character 1: there is no condition 'good', only ok, bad",
        ),
    ],
)
def test_a_suite_that_cannot_be_tested_is_refused_in_one_line(run, tmp_path, arguments, message):
    (tmp_path / "a.csv").write_text(SUITE)

    result = run("syntaxgym", tmp_path / "a.csv", *arguments)

    assert (result.exit_code, result.err.count("\n")) == (2, 1)
    assert message in result.err


def test_a_treebank_is_scored_and_written_as_parquet(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    cells = "\t_" * 7
    (tmp_path / "a.conllu").write_text(
        f"# sent_id = s1\n1\tthe{cells}\t_\n2\tcat{cells}\tSpaceAfter=No\n3\t.{cells}\t_\n\n"
    )

    assert run("surprisal", tmp_path / "a.conllu", "--by", "word", "-o", tmp_path / "a.parquet").exit_code == 0
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    again = table(run("score", tmp_path / "a.parquet", "--column", "word").out)

    assert [(row["sent_id"], row["word"], row["tokens"]) for row in rows] == [
        *(("s1", "the", 1), ("s1", "cat.", 2), ("s1", "</S>", 1))
    ]
    assert [row["sentence"] for row in again[:2]] == ["the", "cat ."]
    refused = run("surprisal", tmp_path / "a.conllu", "-o", tmp_path / "b.parquet", "--format", "csv")
    assert (refused.exit_code, "leave out --format csv" in refused.err) == (2, True)


def test_a_region_that_splits_a_token_is_reported_with_the_line_of_its_sentence(run, tmp_path):
    (tmp_path / "a.tsv").write_text("s\tw\n1\tthe\n1\tdo\n1\tn't\n")

    result = run("surprisal", tmp_path / "a.tsv", "--word-column", "w", "--sentence-column", "s", "--by", "word")

    assert (result.exit_code, result.err) == (
        2,
        f"lmgen: {tmp_path}/a.tsv, line 2: the region 'do' ends within the token 'don'\n",
    )


def logits_before(model, words):
    """The logits before each word and before the end, float64, and the targets: read alone, without the scorer."""
    contexts = [read(model, words[:count]) for count in range(len(words) + 1)]
    logits = [model.logits(context.state)[0][: len(model.vocabulary)].astype(np.float64) for context in contexts]
    return np.array(logits), [model.vocabulary.id(word) for word in (*words, "</S>")]


SENTENCES = [["the", "cat", "sat"], ["the", "zork"]]
"""Of TEXT."""


def test_models_with_different_vocabularies_are_compared_over_shared_words_and_over_all(
    lmgen, tiny_folder, tiny_model, tiny_shape, tiny_words, text, tmp_path
):
    words = ["zork" if word == "cat" else word for word in tiny_words[:-3]]
    other_folder = write_tiny(tmp_path / "other", tiny_shape, words, random_weights(tiny_shape, seed=1))
    arguments = ("eval", text, "-m", tiny_folder, "--engine", "session")
    found = json.loads(lmgen(*arguments, "--against", other_folder, "--format", "json").out)["against"]
    same = json.loads(lmgen(*arguments, "--against", tiny_folder, "--format", "json").out)["against"]
    told = lmgen(*arguments, "--against", other_folder).out.splitlines()[4:6]

    bits = []
    for model in (tiny_model, load(other_folder)):
        pairs = [logits_before(model, sentence) for sentence in SENTENCES]
        bits.append([row[i] - np.log(np.exp(row).sum()) for rows, ids in pairs for row, i in zip(rows, ids)])
    better = (np.array(bits[0]) - bits[1]) / math.log(2)
    shared = np.array([True, False, True, True, True, False, True])  # one lacks cat, the other zork

    assert (found["shared_words"]["predictions"], found["all_words"]["predictions"]) == (5, 7)
    assert found["shared_words"]["bits_per_word"] == pytest.approx(better[shared].mean(), abs=1e-5)
    assert found["all_words"]["bits_per_word"] == pytest.approx(better.mean(), abs=1e-5)
    assert found["all_words"]["low"] < better.mean() < found["all_words"]["high"]
    assert (same["shared_words"]["bits_per_word"], same["all_words"]["low"], same["all_words"]["high"]) == (0, 0, 0)
    assert told[0].endswith("over 5 predictions: words that both vocabularies have")
    assert told[1].endswith("over 7 predictions: all words, where OOV words count as <UNK>")


@pytest.mark.parametrize("renormalize", [True, False])
def test_a_calibration_counts_what_was_predicted_and_what_came_over_whole_distributions(
    run, text, tiny_model, renormalize
):
    flag = "--renormalize" if renormalize else "--no-renormalize"
    facts = json.loads(run("eval", text, "--calibration", "--format", "json", flag).out)["calibration"]
    limits = [0, 1e-4, 1e-3, 1e-2, *np.arange(1, 10) / 10, 1]

    predicted, observed, top_predicted, top_observed = np.zeros((4, 13))
    for sentence in SENTENCES:
        for count, target in enumerate((*sentence, "</S>")):
            logits = tiny_model.logits(read(tiny_model, sentence[:count]).state)[0].astype(np.float64)
            logits = logits[: len(tiny_model.vocabulary)] if renormalize else logits
            shares = np.exp(logits) / np.exp(logits).sum()
            bins = np.digitize(shares, limits) - 1
            index = tiny_model.vocabulary.id(target)
            np.add.at(predicted, bins, shares)
            observed[bins[index]] += 1
            best = shares[: len(tiny_model.vocabulary)].argmax()
            top_predicted[bins[best]] += shares[best]
            top_observed[bins[best]] += best == index
    gaps = np.array([(top_predicted - top_observed)[:4].sum(), *(top_predicted - top_observed)[4:]])

    for name, values in (("predicted", predicted), ("top_predicted", top_predicted)):
        assert [row[name] for row in facts["bins"]] == pytest.approx(values.tolist(), abs=1e-5)
    for name, values in (("observed", observed), ("top_observed", top_observed)):
        assert [row[name] for row in facts["bins"]] == values.tolist()
    assert [row["low"] for row in facts["bins"]] == pytest.approx(limits[:-1])
    assert facts["ece"] == pytest.approx(np.abs(gaps).sum() / 7, abs=1e-6)


def test_a_calibration_is_a_table_with_a_picture_and_goes_with_a_comparison(run, text, tiny_folder, tmp_path):
    told = run("eval", text, "--calibration", "--picture", tmp_path / "a.png").out.splitlines()
    rows = run("eval", text, "--calibration", "--format", "csv", "--against", tiny_folder)

    assert told[4].startswith("expected calibration error 0.")
    assert told[6].split() == "low high predicted observed top_predicted top_observed".split()
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert sum(int(row["observed"]) for row in table(rows.out, ",")) == 7
    assert "over 6 predictions: words that both vocabularies have" in rows.err
    assert "expected calibration error" in rows.err


def test_a_picture_is_drawn_though_the_reader_of_the_rows_has_gone(text, all_converted_folder, tmp_path):
    read, write = os.pipe()
    os.close(read)
    picture = tmp_path / "a.png"
    asked = ("eval", text, "--calibration", "--picture", picture, "-m", all_converted_folder)
    process = start_lmgen(*asked, stdout=write)
    os.close(write)

    assert process.wait(60) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
