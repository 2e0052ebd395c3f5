"""The contract at the edge, for every command."""

import os
import re
import subprocess
import sys

import click
import numpy as np
import pytest

from lmgen.cli import lmgen as program, main

from conftest import start_lmgen


def commands(command=program, path=()):
    yield path, command
    for name in command.list_commands(None) if isinstance(command, click.Group) else ():
        yield from commands(command.get_command(None, name), (*path, name))


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_what_it_was(lmgen, golden, path):
    """`make golden` rewrites these files; their diff is to be read."""
    result = lmgen(*path, "--help")

    assert (result.exit_code, result.err) == (0, "")
    golden("-".join(["help", *path]) + ".txt", result.out)
    assert lmgen(*path, "-h").out == result.out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_says_what_it_does(path):
    command = COMMANDS[path]

    assert command.help
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["--help"],
            ["complete", "--help"],
            ["surprisal", "--help"],
            ["train", "--help"],
            ["repl", "--help"],
            ["models", "list"],
            ["download"],
        ),
        *(["tokenize", "--text", "a cat"], ["unkify", "--text", "a cat"], ["spec"]),
    ],
)
def test_what_needs_no_tensorflow_does_not_import_it(arguments):
    code = f"import sys; from lmgen.cli import main; main({arguments}); sys.exit('tensorflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_learn_to_complete(lmgen, shell):
    assert "_LMGEN_COMPLETE" in lmgen("shell-completion", shell).out


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("lmgen com", 1, "plain,complete"),
        ("lmgen complete --top", 2, "plain,--top-k"),
        ("lmgen complete -m mi", 3, "plain,mini"),
        ("lmgen complete -m mi", 3, "dir,mi"),
        ("lmgen complete -o out", 3, "file,out"),
        ("lmgen download l", 2, "plain,lm1b"),
        ("lmgen models verify mi", 3, "plain,mini"),
    ],
)
def test_commands_options_models_folders_and_files_are_completed(words, place, expected):
    asked = {"_LMGEN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    process = start_lmgen(env={**os.environ, **asked})

    assert expected in process.communicate()[0].decode().split()


def test_the_version_is_told(lmgen):
    from importlib.metadata import version

    assert lmgen("--version").out == f"lmgen {version('lmgen')}\n"


def test_version_prints_what_a_report_of_a_fault_needs(lmgen, tmp_path):
    lines = dict(line.split(": ", 1) for line in lmgen("version").out.splitlines())

    assert list(lines) == [
        "lmgen", "Python", "NumPy", "LiteRT", "TensorFlow", "processor", "system", "models and caches"
    ]  # fmt: skip
    assert lines["NumPy"] == np.__version__
    assert lines["models and caches"] == str(tmp_path / "home")


def test_python_m_lmgen_is_lmgen():
    process = start_lmgen("--version")

    assert process.communicate()[0].startswith(b"lmgen ")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "arguments, exit_code, message",
    [
        (["comlpete"], 2, "No such command 'comlpete'. Do you mean complete?"),
        (["verison"], 2, "Do you mean version?"),
        (["I love"], 2, "To continue a text: lmgen complete 'I love'"),
        (["xyzzy"], 2, "There are bench, "),
        (["models", "shwo"], 2, "Do you mean show?"),
        (["complete", "--temprature", "1"], 2, "'--temperature'"),
        (["complete", "--max-words", "many"], 2, "not a valid integer"),
        (["complete", "--top-p", "1.5"], 2, "top-p must be above 0 and at most 1, not 1.5"),
        (["complete", "-t", "-1"], 2, "temperature must be 0, or from 1e-06 to 1e+06, not -1.0"),
        (["complete", "-n", "0"], 2, "must be 1 or more"),
        (["complete", "--samplers", "top-k,magic"], 2, "no sampler 'magic'"),
        (["complete", "--ban", "xyzzyx"], 2, "'xyzzyx' is not in the model's vocabulary"),
        (["complete", "a", "-f", "b.txt"], 2, "not both"),
        (["complete", "-f", "absent.txt"], 3, "cannot read absent.txt"),
        (["complete", "-t", "nan"], 2, "temperature must be"),
        (["complete", "-m", "absent"], 3, "lmgen models list"),
        (["models", "path", "absent"], 3, "lmgen models list"),
        (["complete", "--device", "gpu:7"], 6, "no device gpu:7 here, only cpu:0"),
        (["complete", "--device", "nonsense"], 6, "no device nonsense here"),
    ],
)
def test_a_refusal_is_one_clear_line_and_its_exit_code(lmgen, arguments, exit_code, message):
    result = lmgen(*arguments)

    assert (result.exit_code, result.out) == (exit_code, "")
    assert message in result.err.splitlines()[-1]


def test_an_unforeseen_error_is_one_line_too(lmgen, monkeypatch):
    monkeypatch.setattr(sys.modules["lmgen.cli.models"], "model_folders", lambda: 1 / 0)

    result = lmgen("models", "list")

    assert result.exit_code == 1
    assert result.err.startswith("lmgen: internal error: ZeroDivisionError: division by zero")
    assert len(result.err.splitlines()) == 1


def test_a_reader_that_goes_away_ends_it_quietly():
    process = start_lmgen("models", "show", "mini")
    process.stdout.close()
    _, err = process.communicate()

    assert (process.returncode, err) == (0, b"")


def test_main_can_be_called_without_leaving_the_process():
    assert main(["--version"]) == 0


OPTIONS = [
    (path, option, name)
    for path, command in COMMANDS.items()
    if path and not isinstance(command, click.Group)
    for option in command.params
    if isinstance(option, click.Option)
    for name in option.opts
    if name.startswith("--")
]


def values_of(option):
    """Some values that an option takes, each as its command line has them."""
    if isinstance(option.type, click.Choice):
        values = [choice for choice in option.type.choices if choice != option.default]
    elif option.name in ("devices", "order", "bias", "output", "engines", "workers"):
        known = {
            "devices": ["cpu", "gpu:1"],
            "workers": ["3"],
            "order": ["top-k,top-p"],
            "bias": ["the=1", "a b=2"],
            "output": ["x.jsonl"],
            "engines": ["session"],
        }
        values = known[option.name]
    elif isinstance(option.type, click.types.IntParamType):
        values = ["7"]
    elif isinstance(option.type, click.types.FloatParamType):
        values = ["0.6"]
    else:
        values = ["the end", "so be it"]
    return values if option.multiple else values[:1]


@pytest.mark.parametrize(("path", "option", "name"), OPTIONS, ids=lambda value: getattr(value, "name", str(value)))
def test_every_long_name_of_an_option_is_an_environment_variable_too(path, option, name, monkeypatch, tmp_path):
    """With the same value: of one that may come several times, from each line."""
    monkeypatch.chdir(tmp_path)
    values = ["1"] if option.is_flag else values_of(option)
    typed = [name] if option.is_flag else [part for value in values for part in (name, value)]

    def parsed(arguments):
        parser = click.Command("x", params=[option], add_help_option=False)
        return parser.make_context("x", list(arguments)).params[option.name]

    expected = parsed(typed)
    variable = "_".join(["LMGEN", *path, name[2:]]).upper().replace("-", "_")
    monkeypatch.setenv(variable, "\n".join(values))

    assert parsed([]) == expected
    assert option.is_flag or expected != option.default


def test_options_can_come_from_the_environment(lmgen, monkeypatch):
    monkeypatch.setenv("LMGEN_COMPLETE_MAX_WORDS", "none")

    result = lmgen("complete")

    assert result.exit_code == 2
    last = result.err.splitlines()[-1]
    assert "--max-words" in last
    assert "'none' is not a valid integer" in last


def test_models_are_listed_shown_and_found(lmgen, tiny_folder, tmp_path):
    (tmp_path / "home" / "models").mkdir(parents=True)
    os.symlink(tiny_folder, tmp_path / "home" / "models" / "mine")

    assert "mini" in lmgen("models", "list").out
    assert "mine" in lmgen("models", "list").out
    assert "words: 33\n" in lmgen("models", "show", "mine").out
    assert lmgen("models", "path", "mine").out == f"{tmp_path / 'home' / 'models' / 'mine'}\n"


def test_a_damaged_model_is_listed_with_what_is_wrong(lmgen, tmp_path):
    (tmp_path / "home" / "models" / "half").mkdir(parents=True)

    listed = lmgen("models", "list")

    assert listed.exit_code == 0
    assert "is not a whole model" in " ".join(listed.out.split())


def test_models_are_listed_as_json(lmgen):
    import json

    mini, *_ = json.loads(lmgen("models", "list", "--format", "json").out)

    assert mini["name"] == "mini"
    assert mini["words"] == 30000
    assert mini["parameters"] < 15e6


@pytest.mark.parametrize(
    "command",
    ["cache rm EMPTY", "complete -f EMPTY", "complete the --board EMPTY", "eval a.txt --against EMPTY", "embed EMPTY", "neighbours EMPTY",
     "choose -f a.tsv --summary EMPTY", "eval a.txt --calibration --picture EMPTY", "models export mini -o EMPTY", "export mini -o EMPTY",
     "board-vectors EMPTY", "train EMPTY --out a", "surprisal a.txt --columns EMPTY", "score -m EMPTY", "convert EMPTY"],
)  # fmt: skip
def test_a_variable_of_the_shell_that_is_not_set_is_no_name(lmgen, tmp_path, monkeypatch, command):
    """`cache rm ""` would clear all, and a file of that name would be the folder."""
    monkeypatch.chdir(tmp_path)
    result = lmgen(*("" if part == "EMPTY" else part for part in command.split()))

    assert (result.exit_code, result.out) == (2, "")
    assert re.fullmatch(r"lmgen: [-\w|]+ is empty: give it a value, or leave it out\n", result.err)
    assert not list(tmp_path.glob("*"))
