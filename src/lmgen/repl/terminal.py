"""The REPL in a terminal: history, completion, keys."""

import re
from collections.abc import Iterator
from itertools import islice

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle

from lmgen.errors import LmgenError
from lmgen.repl.commands import COMMANDS, Leave, read
from lmgen.repl.repl import MAIN, Repl
from lmgen.store import model_folders, state_folder
from lmgen.text import visible

MOST = 50
"""Completions shown at once."""
WORD = re.compile(r"[^\s\"(\[]*$")
"""What is to be completed in a text."""


def talk(session: Repl, keep_history: bool) -> None:
    """Ask for lines and have them done, until the user leaves.

    Ctrl-C stops what is written, or drops what is typed; on an empty line a second one in a row is raised.
    """
    asking: PromptSession[str] = PromptSession(
        history=_history(keep_history),
        completer=Completions(session),
        complete_while_typing=False,
        complete_style=CompleteStyle.READLINE_LIKE,
        key_bindings=_keys(),
        multiline=Condition(lambda: "\n" in asking.default_buffer.text),
        prompt_continuation=". ",
        enable_suspend=True,
    )
    click.echo("Type a text and press Enter; /help lists what else there is.", err=True)
    leaving = False
    while True:
        try:
            line = asking.prompt("> " if session.branch == MAIN else f"{session.branch}> ")
        except EOFError:
            return
        except KeyboardInterrupt as interruption:
            if leaving or _ends(interruption):
                raise
            leaving = True
            click.echo("(Ctrl-C again leaves; /save keeps the texts)", err=True)
            continue
        except _Dropped:
            leaving = False
            continue
        leaving = False
        try:
            read(session, " ".join(line.splitlines()))
        except LmgenError as error:
            click.echo(f"lmgen: {visible(str(error))}", err=True)
        except KeyboardInterrupt as interruption:
            if _ends(interruption):
                raise
            click.echo("(stopped)", err=True)
        except Leave:
            return


def _ends(interruption: KeyboardInterrupt) -> bool:
    """Whether another program asked this one to end; else it was Ctrl-C."""
    return type(interruption) is not KeyboardInterrupt


def _history(keep: bool) -> History:
    """In the state folder, if it is wanted and can be written there."""
    if not keep:
        return InMemoryHistory()
    try:
        folder = state_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "history").touch(mode=0o600)
        (folder / "history").chmod(0o600)  # made by an earlier version, it may be open to all
        return FileHistory(str(folder / "history"))
    except OSError:
        return InMemoryHistory()


class _Dropped(Exception):  # noqa: N818 (it is no error)
    """What was typed is not to be sent."""


def _keys() -> KeyBindings:
    r"""Enter sends the line, or begins another after a \; Alt-Enter always does. Ctrl-C drops what was typed, if it was."""
    keys = KeyBindings()

    @keys.add("c-c", filter=has_focus(DEFAULT_BUFFER))
    def _drop(event: KeyPressEvent) -> None:
        typed = event.current_buffer.text
        event.app.exit(exception=_Dropped() if typed else KeyboardInterrupt(), style="class:aborting")

    @keys.add("enter", filter=has_focus(DEFAULT_BUFFER))
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.newline()
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=has_focus(DEFAULT_BUFFER))
    def _another_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline()

    return keys


class Completions(Completer):
    """Words of the vocabulary in a text, the most frequent first; commands and what they take after a `/`."""

    def __init__(self, session: Repl) -> None:
        self._session = session
        self._takes = {
            "set": lambda: session.setting_names,
            "fork": lambda: session.branches,
            "model": lambda: list(model_folders()),
        }

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What may stand at the cursor."""
        text = document.text_before_cursor
        command, space, argument = text[1:].partition(" ")
        if not text.startswith("/"):
            begun = next(WORD.finditer(text)).group()
            return _beginning(begun, self._session.vocabulary.words) if begun else iter(())
        if not space:
            return _beginning(command, COMMANDS)
        if command in self._takes:
            return _beginning(argument, self._takes[command]())
        if COMMANDS.get(command) and re.search("FILE|DIR", COMMANDS[command].takes):
            return iter(PathCompleter(expanduser=True).get_completions(Document(argument), complete_event))
        return iter(())


def _beginning(begun: str, words) -> Iterator[Completion]:
    found = (word for word in words if word.startswith(begun) and word.isprintable())
    return (Completion(word, -len(begun)) for word in islice(found, MOST))
