"""Options that several commands share, and how those that belong together become one value."""

import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from lmgen.errors import UsageError
from lmgen.store import model_folders, released
from lmgen.text import check_output, split_words, visible


def all_of(options: Sequence[Callable]) -> Callable[[Callable], Callable]:
    """One decorator of many."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def group(name: str, make: Callable[..., object], *options: Callable) -> Callable[[Callable], Callable]:
    """Options whose values reach the command as one: as `name`, what `make` makes of them."""
    option_of_all = all_of(options)
    of_group = [option.name for option in click.command()(option_of_all(lambda: None)).params]

    def decorate(command: Callable) -> Callable:
        @functools.wraps(command)
        def with_one_value(**values: Any) -> Any:
            of_this = {option: values.pop(option) for option in of_group}
            return command(**values, **{name: make(**of_this)})

        return option_of_all(with_one_value)

    return decorate


def confirmed(question: str, nobody: bool, default: bool = True) -> bool:
    """What the person at the terminal says; `nobody` where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return nobody
    return click.confirm(question, default=default, err=True)


def complete_local(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: models that are here, and folders."""
    return [CompletionItem(incomplete, "dir"), *_named(model_folders(), incomplete)]


def complete_model(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: models that are here or can be had, and folders."""
    return [CompletionItem(incomplete, "dir"), *_named({*model_folders(), *released()}, incomplete)]


def complete_file(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: files."""
    return [CompletionItem(incomplete, "file")]


def _named(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def report(rows: Iterable[Iterable]) -> None:
    """Write rows of notes to stderr."""
    for row in rows:
        click.echo("\t".join(visible(str(value)) for value in row), err=True)


OUTPUT = click.option(
    *("-o", "--output"),
    default="-",
    metavar="FILE",
    shell_complete=complete_file,
    callback=lambda _context, _parameter, path: check_output(path),
    help="Write to a file, not to stdout.",
)


PARTS_OUTPUT = click.option(
    *("-o", "--output"),
    default="-",
    metavar="FILE|FOLDER/",
    shell_complete=complete_file,
    callback=lambda _context, _parameter, path: check_output(path, folder=True),
    help="Write to a file, not to stdout; or parts of it to a new folder, whose name ends in a slash.",
)


@dataclass(frozen=True)
class Destination:
    """Where a command writes, and in which format."""

    kind: str
    output: str
    """A file's name, or `-` for stdout."""

    @property
    def folder(self) -> bool:
        """Whether it is a folder, for parts."""
        return self.output.endswith("/")


@dataclass(frozen=True)
class Splitting:
    """How words are made of a text."""

    tokenized: bool
    """It is words with spaces between them already."""
    whole: bool
    """It is one sentence."""
    tokens: str | None
    """`ptb`: it is tokens of the Penn Treebank with spaces between them."""

    def __post_init__(self) -> None:
        if self.tokens and self.tokenized:
            raise UsageError(
                "--tokens says how the text was tokenised, --no-tokenize that it is as it should be: give one"
            )

    def words(self, text: str) -> list[str]:
        """The words of a text."""
        return split_words(self.tokenized, self.whole, self.tokens == "ptb")(text)


SPLITTING = group(
    "splitting",
    Splitting,
    click.option("--no-tokenize", "tokenized", is_flag=True, help="Take the text as words separated by spaces."),
    click.option(
        "--tokens",
        type=click.Choice(("ptb",)),
        help="Convention of the text's tokens: ptb, the Penn Treebank's; each text is one sentence.",
    ),
    click.option(
        "--no-split", "whole", is_flag=True, help="Read the text as one sentence, even if it looks like more."
    ),
)

COLOUR = click.option(
    "--color-by", type=click.Choice(("surprisal",)), help="Colour words: cyan is expected, red is a surprise."
)
