"""`lmgen serve`: models over HTTP."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import click

from lmgen.cli.model_options import open_files, precision
from lmgen.cli.options import complete_local, group
from lmgen.engines import EngineOptions, Placement
from lmgen.errors import UsageError, needing
from lmgen.store import DEFAULT_MODEL, find
from lmgen.text import words_of

MEBI = 1 << 20
COUNT = click.IntRange(1)


@dataclass(frozen=True, kw_only=True)
class _Options:
    models: tuple[str, ...]
    precision: str
    threads: int
    memory: int
    place: dict[str, Any]
    capacity: dict[str, Any]
    limits: dict[str, Any]
    tokens: Path | None
    token: tuple[str, ...]
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    connections: int
    access_log: bool
    log_text: bool

    @property
    def all_tokens(self) -> tuple[str, ...]:
        """Those of the file, and those beside it."""
        found = (*(words_of(self.tokens) if self.tokens else ()), *self.token)
        if self.tokens and not found:
            raise UsageError(f"{self.tokens} has no token: write one, a line each")
        if any(not token.isascii() or token != token.strip() or not token for token in found):
            raise UsageError("a token is of ASCII characters without spaces")
        return found


def _size(name: str, default: int, description: str) -> Any:
    return click.option(
        name, type=click.IntRange(0), default=default, show_default=True, metavar="MB", help=description
    )


def _count(*names: str, default: int, description: str) -> Any:
    return click.option(*names, type=COUNT, default=default, show_default=True, metavar="N", help=description)


PLACE = group(
    "place",
    dict,
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at."),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8000,
        show_default=True,
        help="Port to listen at; 0 takes any free one.",
    ),
    click.option(
        "--root-path",
        "root",
        default="",
        metavar="PATH",
        help="Path under which a proxy shows the server, such as /lm.",
    ),
    click.option(
        "--drain",
        type=COUNT,
        default=30,
        show_default=True,
        metavar="SECONDS",
        help="Seconds in which requests may end after SIGTERM.",
    ),
)
CAPACITY = group(
    "capacity",
    dict,
    _count("--rows", default=32, description="Number of continuations generated at once."),
    _count(
        "--queue", default=1024, description="Number of texts and continuations that may wait; more get status 429."
    ),
    _size("--prefix-cache", 64, "Memory of each model for texts that were read before."),
)
LIMITS = group(
    "limits",
    dict,
    _count("--max-words", "written", default=4096, description="Maximum number of words of a continuation."),
    _count(
        "--max-prompt-words", "read", default=1 << 16, description="Maximum number of words of all texts of a request."
    ),
    _count("--max-samples", "samples", default=256, description="Maximum number of continuations of a request."),
    _size("--max-body", 4, "Maximum size of a request."),
    click.option(
        "--timeout",
        "seconds",
        type=click.FloatRange(0, min_open=True),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="Maximum time of an answer.",
    ),
)


@click.command("serve")
@click.option(
    *("-m", "--model", "models"),
    multiple=True,
    default=(DEFAULT_MODEL,),
    show_default=True,
    metavar="MODEL|FOLDER",
    envvar="LMGEN_MODEL",
    shell_complete=complete_local,
    help="A model to serve; give it several times for several. The first is loaded at once, others when they are asked for.",
)
@PLACE
@precision("float32")
@click.option("--threads", type=click.IntRange(0), default=0, help="Threads per operation.  [default: all cores]")
@_size("--memory", 16384, "Memory for the files of all loaded models; the one not used for longest is closed.")
@CAPACITY
@LIMITS
@click.option(
    "--tokens",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File of bearer tokens, one a line; every client must send one of them.",
)
@click.option(
    "--token",
    multiple=True,
    metavar="TOKEN",
    help="A bearer token that clients must send; LMGEN_SERVE_TOKEN hides it from `ps`.",
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="Host name by which clients may call the server."
)
@click.option(
    "--allow-origin", "origins", multiple=True, metavar="URL", help="Origin whose web pages may call the server."
)
@_count("--connections", default=512, description="Number of requests answered at once; more get status 503.")
@click.option("--access-log/--no-access-log", default=True, help="Log every request on stderr, a line of JSON each.")
@click.option("--log-text", is_flag=True, help="Add what was asked to the log.")
def serve_command(**options: Any) -> None:
    """Serve models over HTTP. Clients of OpenAI's completions work with it; a browser has a page at /.

    Requests of all clients share one batch. Answers for a seed are the same alone or among others. Ctrl-C
    stops it at once, SIGTERM lets requests end.

    \b
    Examples:
      lmgen serve
      lmgen serve -m mini -m models/news --port 0
      lmgen serve --host 0.0.0.0 --tokens tokens.txt
      curl localhost:8000/v1/completions -d '{"prompt": "The old man", "seed": 1}'
    """
    asked = _Options(**options)
    tokens = asked.all_tokens
    with needing("server", "lmgen serve"):
        from lmgen.server import LOOPBACK, Capacity, Limits, Place, Rules, Settings, Source, serve
    place = Place(**asked.place)
    engine = EngineOptions("auto", asked.precision, Placement(threads=asked.threads))
    load = partial(open_files, engine=engine, converts=True)
    sources = {name: Source(find(folder), load) for name, folder in _named(asked.models).items()}
    capacity = asked.capacity | {"prefixes": asked.capacity["prefix_cache"] * MEBI}
    limits = asked.limits | {"body": asked.limits["max_body"] * MEBI}
    log = sys.stderr if asked.access_log else None
    hosts = (*asked.hosts, *LOOPBACK) if place.local else asked.hosts
    rules = Rules(tokens, hosts, asked.origins, asked.connections, log, asked.log_text)
    settings = Settings(sources, place, _of(Capacity, capacity), asked.memory * MEBI, _of(Limits, limits), rules)
    serve(settings, click.echo)


def _named(models: Sequence[str]) -> dict[str, str]:
    """Each model by the name under which it is served: that of its folder."""
    named: dict[str, str] = {}
    for model in models:
        name = Path(model).resolve().name if Path(model).is_dir() else model
        if named.setdefault(name, model) != model:
            raise UsageError(f"{named[name]} and {model} would both be served as {name}: rename a folder")
    return named


def _of(kind: Any, values: dict[str, Any]) -> Any:
    """A value of a kind, of those values that are its fields."""
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})
