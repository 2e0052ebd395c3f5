"""What a user can type: text to continue, and the /commands."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from lmgen.errors import UsageError
from lmgen.repl.repl import Repl
from lmgen.text import meant


class Leave(Exception):  # noqa: N818 (it is no error)
    """The user is done."""


@dataclass(frozen=True)
class Command:
    """What a /command takes and does."""

    run: Callable[..., None]
    takes: str = ""
    least: int = 0
    most: int = 0
    called: str = ""
    """Its name, if it is not that of the function."""

    @property
    def name(self) -> str:
        """What is typed after the `/`."""
        return self.called or self.run.__name__

    @property
    def usage(self) -> str:
        """How it is typed."""
        return f"/{self.name} {self.takes}".rstrip()


def read(session: Repl, line: str) -> None:
    """Do what a line says: a /command; text to read and continue; or nothing, to continue as it is.

    Raises LmgenError for what cannot be done, Leave after /quit.
    """
    if not line.startswith("/"):
        session.go_on(line)
        return
    try:
        name, *arguments = shlex.split(line[1:]) or [""]
    except ValueError as error:
        raise UsageError(f"{error}: put quotes around what has spaces or an apostrophe") from error
    command = _named(name)
    if not command.least <= len(arguments) <= command.most:
        raise UsageError(f"the usage is {command.usage}")
    command.run(session, *arguments)


def _named(name: str) -> Command:
    if name in COMMANDS:
        return COMMANDS[name]
    hint = meant(name, COMMANDS, "/") or "/help lists them; text may begin with a space, then /"
    raise UsageError(f"there is no command /{name}: {hint}")


def help(session: Repl) -> None:
    """Show this."""
    session.say(HELP)


def quit(session: Repl) -> None:
    """Leave; so does Ctrl-D."""
    raise Leave


COMMANDS = {
    command.name: command
    for command in (
        Command(help),
        Command(Repl.set, "OPTION [VALUE…]", 1, 1000),
        Command(Repl.show),
        Command(Repl.regen),
        Command(Repl.undo),
        Command(Repl.redo),
        Command(Repl.next, "[COUNT]", 0, 1),
        Command(Repl.alt, "[WORDS]", 0, 1),
        Command(Repl.pick, "NUMBER", 1, 1),
        Command(Repl.surprisal),
        Command(Repl.fork, "NAME", 1, 1),
        Command(Repl.forks),
        Command(Repl.new),
        Command(Repl.text),
        Command(Repl.write, "FILE [over]", 1, 2),
        Command(Repl.save, "FILE", 1, 1),
        Command(Repl.load, "FILE", 1, 1),
        Command(Repl.model, "NAME", 1, 1),
        Command(Repl.record, "[DIR|off]", 0, 1, "board"),
        Command(quit),
    )
}
HELP = "\n".join(
    (
        "Type a text: the model continues it. Enter alone continues the text.",
        *(f"{command.usage:<22} {command.run.__doc__}" for command in COMMANDS.values()),
        "Tab completes words, commands and names; Ctrl-R finds what was typed; \\ before Enter, or Alt-Enter, begins",
        "another line; Ctrl-C stops the writing or drops the line, on an empty line twice it leaves.",
    )
)
