"""A hook of MkDocs: the page of commands is made of the command line's own help, and no page fetches from elsewhere."""

import re
from collections.abc import Iterator

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from lmgen.cli import lmgen

PAGE = "reference/commands.md"
WIDTH = 80
FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]* src="?(?:https?:)?//|<link[^>]* rel="?(?:stylesheet|preconnect)"?[^>]* href="?(?:https?:)?//'
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of commands."""
    files.append(File.generated(config, PAGE, content="\n".join(_lines())))
    return files


def on_post_page(output: str, page: object, **_others: object) -> str:
    """Refuse a page that a browser would complete from another machine."""
    if found := FETCHED.search(output):
        raise PluginError(f"{page} fetches from elsewhere: {found[0]}")
    return output


def _lines() -> Iterator[str]:
    yield "# Commands"
    yield "\nEach command prints this with `--help`. Every option can also be set by an [environment variable](environment.md).\n"
    for path, command in _commands(lmgen, ("lmgen",)):
        context = click.Context(command, info_name=" ".join(path), terminal_width=WIDTH, max_content_width=WIDTH)
        context.help_option_names = ["-h", "--help"]
        yield f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n"


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    for name in command.list_commands(click.Context(command)) if isinstance(command, click.Group) else ():
        below = command.get_command(click.Context(command), name)
        if below is not None and not below.hidden:
            yield from _commands(below, (*path, name))
