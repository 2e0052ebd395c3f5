import csv
import io
import json
import re
import sys

import pexpect
import pytest

QUICK = ("--rounds", 1, "--seconds", 0)


def test_figures_stand_beside_those_of_the_original(lmgen):
    result = lmgen("bench", "--engine", "litert:fast", "--against", "original", *QUICK)

    table, about = result.out.split("\n\n")
    heading, *lines = table.splitlines()
    assert (result.exit_code, result.err) == (0, "")
    assert heading.split()[-2:] == ["original", "litert:fast"]
    assert [line.rsplit("  ", 1)[0].split("  ")[0] for line in lines] == [
        *("prefix words/s", "words/s, 1 text", "words/s, 8 texts", "words/s, 32 texts", "scored words/s"),
        *("% of the memory's speed", "seconds to first word", "seconds to first word, cold", "peak memory, MB"),
    ]
    assert " 1.00×" in lines[0]
    assert re.search(r"\d cores, memory read at [\d.,]+ GB/s", about)


@pytest.mark.parametrize("kind", ["md", "csv", "json"])
def test_figures_have_the_form_asked_for(lmgen, kind):
    out = lmgen("bench", "--engine", "litert:fast", "--format", kind, *QUICK).out

    if kind == "md":
        assert out.splitlines()[1] == "| --- | --- |"
        return
    rows = json.loads(out) if kind == "json" else list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["measure", "contender", "count", "mean", "sd", "median", "ratio"]
    assert {row["contender"] for row in rows} == {"litert:fast", "machine"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--engine", "litert:magic"], 2, "no engine 'litert:magic' to measure"),
        (["--engine", "litert:fast"], 3, "--precision fast"),
        (["--rounds", "0"], 2, "rounds must be 1 or more"),
        (["--against", "nothing"], 2, "'nothing' is not one of"),
    ],
)
def test_what_cannot_be_measured_is_refused(lmgen, tiny_folder, arguments, exit_code, message):
    result = lmgen("bench", tiny_folder, *arguments)

    assert (result.exit_code, result.out) == (exit_code, "")
    assert message in result.err.splitlines()[-1]


def test_pytorch_that_is_not_there_is_named(lmgen, tiny_folder, monkeypatch):
    monkeypatch.setattr(sys.modules["lmgen.bench.contenders"], "find_spec", lambda _name: None)

    result = lmgen("bench", tiny_folder, "--against", "torch")

    assert (result.exit_code, result.out) == (2, "")
    assert result.err == "lmgen: PyTorch is not installed: pip install torch, or leave out --against torch\n"


def test_ctrl_c_leaves_what_was_measured(tmp_path):
    command = ["-m", "lmgen", "bench", "--engine", "litert:fast", "--rounds", "100000", "--seconds", "0"]
    terminal = pexpect.spawn(sys.executable, [*command, "-o", str(tmp_path / "speed.md"), "--format", "md"], timeout=60)
    terminal.expect("litert:fast: words/s, 1 text, round 1: [0-9]")  # a result on stderr, as soon as it is there
    terminal.expect("litert:fast: scored words/s, round ")
    terminal.sendintr()
    terminal.expect("lmgen: stopped")
    terminal.expect(pexpect.EOF)

    assert terminal.wait() == 130
    assert "| prefix words/s |" in (tmp_path / "speed.md").read_text()
