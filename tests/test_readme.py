"""The README's commands do what it shows, and its map is the territory."""

import io
import re
import shlex
import subprocess

import click
import pytest

from conftest import ROOT

README = ROOT / "README.md"
NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def sessions():
    """(command, what the README shows of it) for every `$` line of a console block."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The repository's models, and the text the README counts with."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    lines = [" ".join(NUMBERS[start:] + NUMBERS[:start]) for start in range(12)] * 40
    (tmp_path / "counting.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)


def test_every_session_prints_what_the_readme_shows(lmgen, workplace, monkeypatch, request):
    told = {}
    for command, shown in sessions():
        feeding, piped, command_line = command.rpartition(" | ")
        program, *arguments = shlex.split(command_line)
        assert program == "lmgen"
        typed = subprocess.run(["sh", "-c", feeding], stdout=subprocess.PIPE, check=True).stdout if piped else b""
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
        result = lmgen(*arguments)
        assert result.exit_code == 0, result.err
        told[command] = (shown, result.out)
    if request.config.getoption("--golden"):
        text = README.read_text()
        for command, (shown, printed) in told.items():
            text = text.replace(f"$ {command}\n{shown}", f"$ {command}\n{portable(printed)}")
        README.write_text(text)
        return
    for command, (shown, printed) in told.items():
        assert (command, stable(portable(printed))) == (command, stable(shown))


def portable(text):
    """Without the folder this checkout happens to be in."""
    return text.replace(str(ROOT), "/home/me/lmgen")


def stable(text):
    """A trained perplexity's digits, and the last ones of a score, depend on the machine's arithmetic."""
    text = re.sub(r"perplexity \d+\.\d+", "perplexity …", text)
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.3f}", text)


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
    verbs, functions = blocks("python")

    exec(compile(verbs, "README.md", "exec"), names := {})  # noqa: S102 (our own text)
    assert re.search(r"word +rank +prob +cumulative +oov\nthe +1 +0\.", capfd.readouterr().out)
    exec(compile(functions, "README.md", "exec"), names)  # noqa: S102 (our own text)
    assert "sample=1, index=0" in capfd.readouterr().out


def test_every_make_command_is_a_target():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", "".join(blocks("sh"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_map_names_every_wing_in_order():
    from test_architecture import ORDER

    rows = re.findall(r"^\| `(\w+)(?:\.py|/)` \|", README.read_text(), re.MULTILINE)

    assert rows == [name for name in ORDER if name != "__main__"]


def test_every_dependency_has_its_reason():
    dependencies = re.search(
        r"^dependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE
    )
    reasons = README.read_text().partition("Dependencies:")[2]

    for name in re.findall(r'"([\w-]+)', dependencies[1]):
        assert f"`{name}`" in reasons, name
