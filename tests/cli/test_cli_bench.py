import csv
import io
import json
import re
import sys

import pexpect
import pytest

from lmgen.bench import Plan, bench


@pytest.fixture(scope="module")
def measured(all_converted_folder):
    """What a short run measures: {names of contenders: events}."""
    names = ("original", "litert:fast")
    return names, list(bench(str(all_converted_folder), names, Plan(rounds=1, seconds=0)))


@pytest.fixture
def measure(lmgen, measured, all_converted_folder, monkeypatch):
    """`lmgen bench` where these events come of it; the names it asks to be measured are those."""
    names, events = measured

    def again(model, asked, plan):
        assert (model, tuple(asked), plan.rounds) == (str(all_converted_folder), names, 1)
        yield from events

    monkeypatch.setattr("lmgen.cli.bench.bench", again)
    arguments = ("--engine", "litert:fast", "--against", "original", "--rounds", 1, "--seconds", 0)
    return lambda *options: lmgen("bench", all_converted_folder, *arguments, *options)


def test_figures_stand_beside_those_of_the_original(measure):
    result = measure()

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
def test_figures_have_the_form_asked_for(measure, kind):
    out = measure("--format", kind).out

    if kind == "md":
        assert out.splitlines()[1] == "| --- | --- | --- |"
        return
    rows = json.loads(out) if kind == "json" else list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["measure", "contender", "count", "mean", "sd", "median", "ratio"]
    assert {row["contender"] for row in rows} == {"original", "litert:fast", "machine"}


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
