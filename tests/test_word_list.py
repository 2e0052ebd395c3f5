"""What users read keeps to the word list of docs/words.md."""

import ast
import re
import tokenize

import click
import pytest

from conftest import ROOT

LIST = ROOT / "docs" / "words.md"
ROW = re.compile(r"^\|((?: `[^`]+`,?)+) \|", re.MULTILINE)
PROSE = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = sorted((ROOT / "src" / "lmgen").rglob("*.py"))
IN_GO = sorted(path for folder in ("go", "examples") for path in (ROOT / folder).rglob("*.go"))
CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)
"""Programs, names of things, and addresses: they are not our prose."""


def retired():
    """All words that the list retires."""
    _, _, rows = LIST.read_text().partition("| Retired |")
    return [word for row in ROW.findall(rows) for word in re.findall("`(.*?)`", row)]


OLD = re.compile(rf"\b(?:{'|'.join(map(re.escape, retired()))})(?=\W|$)", re.IGNORECASE)


def found(text):
    return OLD.findall(" ".join(text.split()))


def texts(path):
    """Texts of several words of a file: messages, docstrings and comments."""
    nodes = ast.walk(ast.parse(path.read_text()))
    strings = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    with tokenize.open(path) as file:
        comments = [token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]
    return [CODE.sub("", text) for text in strings + comments if " " in text]


def helps(command, path=("lmgen",)):
    """(command, all texts of its help) for every command."""
    texts = [command.help or "", command.short_help or ""]
    yield " ".join(path), texts + [getattr(option, "help", None) or "" for option in command.params]
    for name in command.list_commands(None) if isinstance(command, click.Group) else ():
        yield from helps(command.get_command(None, name), (*path, name))


def test_the_list_retires_what_it_should():
    assert {"tells", "told", "likeliest", "goes on", "write on", "by their letters", "of the output"} <= set(retired())


@pytest.mark.parametrize(
    ("old", "words"),
    [
        ("Tell how likely whole sentences are.", ["Tell"]),
        ("Only the X likeliest words; 0 for all.", ["likeliest"]),
        ("type a text, and it\n  goes on.", ["goes on"]),
        ("The first word of the output.", ["of the output"]),
        ("An intolerable storyteller, `told` and ongoing.", []),
    ],
)
def test_an_old_line_is_found(old, words):
    assert found(CODE.sub("", old)) == words


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_keep_to_the_list(page):
    assert found(CODE.sub("", page.read_text())) == []


def test_helps_keep_to_the_list():
    from lmgen.cli import lmgen

    assert {path: words for path, texts in helps(lmgen) if (words := found(" ".join(texts)))} == {}


def test_sources_keep_to_the_list():
    old = [(path.name, text) for path in SOURCES for text in texts(path) if found(text)]

    assert old == []


def test_the_help_of_the_repl_keeps_to_the_list():
    from lmgen.repl.commands import HELP

    assert found(HELP) == []


@pytest.mark.parametrize("path", IN_GO, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_program_in_go_keeps_to_the_list(path):
    assert found(path.read_text()) == []
