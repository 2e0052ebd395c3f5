"""The commands of README and docs do what is shown, and the map is the territory."""

import io
import re
import shlex
import subprocess

import click
import numpy as np
import pytest

from conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOUSE, API = ROOT / "docs" / "how" / "house.md", ROOT / "docs" / "reference" / "python.md"
NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()


def blocks(language, pages=PAGES):
    text = "\n".join(page.read_text() for page in pages)
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def sessions():
    """{command: all that is shown of it} for the `$` lines of console blocks, each command once."""
    found = {}
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.setdefault(command, []).append(shown)
    return found


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The repository's models, and the text the README counts with."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    lines = [" ".join(NUMBERS[start:] + NUMBERS[:start]) for start in range(12)] * 40
    (tmp_path / "counting.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)


def test_every_session_prints_what_is_shown(lmgen, workplace, one_session, monkeypatch, request):
    printed = {command: portable(printed_by(lmgen, command, monkeypatch)) for command in sessions()}
    if request.config.getoption("--golden"):
        for page in PAGES:
            page.write_text(rewritten(page.read_text(), printed))
    for command, shown in sessions().items():
        for one in shown:
            assert alike(one, printed[command]), (command, one, printed[command])


def printed_by(lmgen, command, monkeypatch):
    feeding, piped, command_line = command.rpartition(" | ")
    program, *arguments = shlex.split(command_line)
    assert program == "lmgen"
    typed = subprocess.run(["sh", "-c", feeding], stdout=subprocess.PIPE, check=True).stdout if piped else b""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
    result = lmgen(*arguments)
    assert result.exit_code == 0, result.err
    return result.out


def rewritten(text, printed):
    """A page whose sessions show what is printed."""

    def session(match):
        return match[0] if alike(match[2], printed[match[1]]) else f"$ {match[1]}\n{printed[match[1]]}"

    def block(match):
        return (
            re.sub(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, match[0].removesuffix("```"), flags=re.MULTILINE) + "```"
        )

    return re.sub(r"```console\n.*?```", block, text, flags=re.DOTALL)


def portable(text):
    """Without the folder this checkout happens to be in."""
    return text.replace(str(ROOT), "/home/me/lmgen")


SCORE = r"(\d+\.\d{3,})"
"""It depends on the machine's arithmetic a little, in int8 by some ten-thousandths."""


def alike(one, other):
    """Whether outputs are the same but for a trained perplexity and the last digits of scores."""
    one, other = (re.split(SCORE, re.sub(r"perplexity \d+\.\d+", "perplexity …", text)) for text in (one, other))
    scores = (np.array(parts[1::2], float) for parts in (one, other))
    return one[::2] == other[::2] and np.allclose(*scores, rtol=0, atol=0.002)


def test_commands_that_take_hours_at_least_parse():
    from lmgen.cli import lmgen as program

    above = click.Context(program, **program.context_settings)  # a command remembers the help option it got first
    for block in blocks("sh"):
        for line in block.splitlines():
            program_name, *arguments = shlex.split(line, comments=True)
            if program_name == "lmgen":
                command = program
                while hasattr(command, "get_command"):
                    name, *arguments = arguments
                    command = command.get_command(None, name)
                assert command.make_context(name, arguments, parent=above).params


def test_the_python_examples_run(capfd):
    (short,), (verbs, functions) = blocks("python", PAGES[:1]), blocks("python", [API])

    for program in (short, verbs):
        exec(compile(program, "README.md", "exec"), names := {})  # noqa: S102 (our own text)
        assert re.search(r"word +rank +prob +cumulative +oov\nthe +1 +0\.", capfd.readouterr().out)
    exec(compile(functions, "python.md", "exec"), names)  # noqa: S102 (our own text)
    assert "sample=1, index=0" in capfd.readouterr().out


def test_readme_can_be_read_at_once():
    assert 100 <= len(PAGES[0].read_text().splitlines()) <= 130


def test_every_page_has_its_place_in_the_site():
    places = (ROOT / "mkdocs.yml").read_text()

    for page in PAGES[1:]:
        assert f": {page.relative_to(ROOT / 'docs')}\n" in places


def test_every_make_command_is_a_target():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", "".join(blocks("sh"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_map_names_every_wing_in_order():
    from test_architecture import ORDER

    wings = [name for name in ORDER if name != "__main__"]
    drawn = re.findall(r'text-anchor="middle"[^>]*>(\w+)<', (ROOT / "docs" / "map.svg").read_text())

    assert re.findall(r"^\| `(\w+)(?:\.py|/)` \|", HOUSE.read_text(), re.MULTILINE) == wings
    assert drawn == wings


def test_every_dependency_has_its_reason():
    dependencies = re.search(
        r"^dependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE
    )
    reasons = HOUSE.read_text().partition("## Dependencies")[2]

    for name in re.findall(r'"([\w-]+)', dependencies[1]):
        assert f"`{name}`" in reasons, name
