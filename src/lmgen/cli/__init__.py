"""The command line: the one place that turns errors into messages and exit codes."""

import contextlib
import errno
import os
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from lmgen.cli.commands import Suggesting, name_variables
from lmgen.cli.console import prepare_stdout
from lmgen.cli.empty import refuse_empty
from lmgen.cli.sections import COMMANDS, SECTIONS
from lmgen.errors import LmgenError, MissingError, UsageError
from lmgen.text import visible

INTERRUPTED = 130
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What Slurm, `timeout`, `docker stop` and a closed terminal send."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How a disk, a quota or a limit says that no more can be written."""
AGAIN = 1.0
"""Seconds after Ctrl-C in which it changes nothing again: what was made is put in its place."""
COMPLETION_VARIABLE = "_LMGEN_COMPLETE"
"""Set by the shell when it asks for completions."""


class _Commands(Suggesting):
    """Imports a command when it is asked for: to import all of them takes as long as to write a word."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands in their sections; those of this file come last."""
        own = dict.fromkeys(super().list_commands(ctx))
        for title, names in {**SECTIONS, "About lmgen": [*SECTIONS["About lmgen"], *own]}.items():
            with formatter.section(title):
                formatter.write_dl([(name, self._help(ctx, name)) for name in names])

    def _help(self, ctx: click.Context, name: str) -> str:
        command = None if name in COMMANDS else super().get_command(ctx, name)
        return command.get_short_help_str(100) if command else COMMANDS[name].help

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands, and options."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._help(ctx, name)) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        place = COMMANDS[cmd_name]
        command = getattr(import_module(f"lmgen.cli.{place.module}"), place.name)
        command.short_help = place.help
        return refuse_empty(name_variables(command, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A process that `--board` needs starts while the command is imported."""
        if any(arg.partition("=")[0] == "--board" for arg in args):
            from lmgen.board import dismiss, start_early

            start_early()
            ctx.call_on_close(dismiss)
        return super().resolve_command(ctx, args)

    def hint(self, ctx: click.Context, given: str) -> str:
        """A text that was given without a command is to be continued, most likely."""
        return (
            super().hint(ctx, given) if " " not in given else f"To continue a text: lmgen complete {shlex.quote(given)}"
        )


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.version_option(package_name="lmgen", message="lmgen %(version)s")
def lmgen() -> None:
    """Word-level language models of the lm_1b family: write, score, and train your own.

    \b
    Examples:
      lmgen complete "I love that I"
      lmgen complete -n 5 --temperature 0.7 "The president said"
      lmgen surprisal --text "The horse raced past the barn fell."
      lmgen download lm1b
      lmgen models list
    """


@lmgen.command("shell-completion", short_help="Make a shell complete lmgen's commands.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def shell_completion(shell: str) -> None:
    """Print what makes SHELL complete lmgen's commands, options and models.

    \b
    Examples:
      lmgen shell-completion bash >> ~/.bashrc
      lmgen shell-completion fish > ~/.config/fish/completions/lmgen.fish
    """
    if completer := get_completion_class(shell):
        click.echo(completer(lmgen, {}, "lmgen", COMPLETION_VARIABLE).source())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    if instruction := os.environ.get(COMPLETION_VARIABLE):
        return shell_complete(lmgen, {}, "lmgen", COMPLETION_VARIABLE, instruction)
    try:
        # not lmgen.main(), which turns a closed pipe into an exit code of its own
        given = sys.argv[1:] if arguments is None else arguments
        if odd := [argument for argument in given if "\0" in argument]:
            raise UsageError(f"an argument holds a NUL character: {odd[0]!r}")
        with lmgen.make_context("lmgen", list(given)) as context:
            lmgen.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LmgenError as error:
        return _refuse(str(error), error.exit_code)
    except Ended as end:
        return _refuse("stopped", end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _refuse("stopped", INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()
        return 0
    except OSError as error:
        if error.errno in FULL:
            return _refuse(f"cannot write: {error.strerror}", MissingError.exit_code)
        if not error.filename:
            return _fail(error)
        return _refuse(f"cannot use {error.filename}: {error.strerror}", MissingError.exit_code)
    except MemoryError:
        return _refuse("out of memory: use a smaller model or batch", 6)
    except Exception as error:  # noqa: BLE001 (the last resort: no traceback reaches the user unasked)
        return _fail(error)


def _fail(error: Exception) -> int:
    if os.environ.get("LMGEN_TRACEBACK"):
        traceback.print_exception(error)
    return _refuse(f"internal error: {type(error).__name__}: {error} (LMGEN_TRACEBACK=1 shows where)", 1)


def _refuse(message: str, exit_code: int) -> int:
    with contextlib.suppress(OSError):
        click.echo(f"lmgen: {visible(' '.join(message.split()))}", err=True)
    return exit_code


def _forget_stdout() -> None:
    """The reader has gone: nothing more is to be written, at exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Ended(KeyboardInterrupt):
    """Another program asked this one to end: what was made is kept as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def _end(number: int, _frame: object) -> None:
    _ignore_signals()  # once is enough: what was made is being written
    raise Ended(number)


def run() -> None:
    """The console script."""
    _open_closed()
    prepare_stdout()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _Interrupt())
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has one of them ignored
            signal.signal(number, _end)
    try:
        code = main()
    except KeyboardInterrupt:  # a second one, while the first was being reported
        code = INTERRUPTED
    _ignore_signals()
    sys.exit(code)


class _Interrupt:
    """What Ctrl-C does: it ends a command once, however often it is pressed."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def __call__(self, _number: int, _frame: object) -> None:
        now = time.monotonic()
        if now > self._last + AGAIN:
            self._last = now
            raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)


def _open_closed() -> None:
    """A closed stdin or stderr leads nowhere: else the next file that is opened has its number, and gets the messages."""
    for number in (0, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            if nowhere != number:
                os.close(nowhere)
    sys.stdin = sys.stdin or open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 (to the end)
    sys.stderr = sys.stderr or open(2, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
