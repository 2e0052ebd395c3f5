"""What users read is in the words of the list in docs/words.md."""

import re

import click
import pytest

from lmgen.cli import lmgen as program

from conftest import ROOT

LIST = ROOT / "docs" / "words.md"


def retired():
    """Each retired word, as a pattern."""
    rows = re.findall(r"^\| `(.+?)` \|", LIST.read_text().partition("## Retired words")[2], re.MULTILINE)
    return {word: re.compile(rf"\b{re.escape(word)}(?!\w)", re.IGNORECASE) for word in rows}


def helps(command, name, context=None):
    """(name, help) of a command and of all below it."""
    context = click.Context(command, info_name=name, parent=context)
    yield name, command.get_help(context)
    for below in command.list_commands(context) if isinstance(command, click.Group) else ():
        yield from helps(command.get_command(context, below), f"{name} {below}", context)


def found(text):
    return [word for word, pattern in retired().items() if pattern.search(text)]


def test_the_list_holds_both_kinds_of_words():
    assert len(retired()) >= 10
    assert "LSTM state" in LIST.read_text()


def test_a_retired_word_is_found():
    assert found("Write on from a prefix.\nPrint the most likely words.") == ["write on", "most likely"]


def test_no_help_text_has_a_retired_word():
    texts = dict(helps(program, "lmgen"))

    assert len(texts) > 25
    assert {name: found(" ".join(text.split())) for name, text in texts.items() if found(" ".join(text.split()))} == {}


@pytest.mark.parametrize("path", ["docs/go.md", "docs/exports.md", "docs/image.md"])
def test_no_page_has_a_retired_word(path):
    assert found((ROOT / path).read_text()) == []
