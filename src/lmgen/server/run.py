"""A server listens, until it is asked to stop."""

import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from lmgen.errors import UsageError
from lmgen.server.app import Service, application
from lmgen.server.engine import Capacity
from lmgen.server.guard import LOOPBACK, Metrics, Rules
from lmgen.server.models import Models, Source
from lmgen.server.requests import Limits

KEEP_ALIVE = 30
"""Seconds for which a connection without a request is kept."""
LONGEST_HEAD = 1 << 16
"""Bytes of a request's headers at most."""


@dataclass(frozen=True)
class Place:
    """Where a server listens."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 takes any free one."""
    root: str = ""
    """The path under which a proxy shows it."""
    drain: int = 30
    """Seconds in which requests may end once it is asked to stop."""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK

    def listen(self) -> socket.socket:
        """A socket that listens. Raises UsageError if there can be none."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            return socket.create_server((self.host, self.port), family=family, backlog=1024)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot listen at {self.host} port {self.port}: {error}") from error


@dataclass(frozen=True)
class Settings:
    """All that can be chosen of a server."""

    sources: dict[str, Source]
    """Its models by name; the first is loaded at once."""
    place: Place = Place()
    capacity: Capacity = Capacity()  # noqa: RUF009
    memory: int = 16 << 30
    """Bytes of all loaded models' files at most."""
    limits: Limits = Limits()  # noqa: RUF009
    rules: Rules = Rules()  # noqa: RUF009


def serve(settings: Settings, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `started` is given the address when requests are taken.

    Raises UsageError where others could reach the server and it has no tokens.
    """
    place = settings.place
    if not place.local and not settings.rules.tokens:
        raise UsageError(f"others can reach {place.host}: give --tokens FILE, or set LMGEN_SERVE_TOKEN")
    listening, metrics = place.listen(), Metrics()
    models = Models(settings.sources, settings.capacity, settings.memory, metrics)
    service = Service(models, settings.limits, metrics, lambda: server.should_exit)
    name = f"[{place.host}]" if ":" in place.host else place.host
    address = f"http://{name}:{listening.getsockname()[1]}"
    app = application(service, settings.rules, lambda: started(address))
    server = uvicorn.Server(_config(app, settings))
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of every client that is gone
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)  # uvicorn raises it again when it has stopped
    server.run(sockets=[listening])
    if service.failed:
        raise service.failed[0]


def _config(app: Callable[..., object], settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        root_path=settings.place.root,
        limit_concurrency=4 * settings.rules.connections,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=settings.place.drain,
        h11_max_incomplete_event_size=LONGEST_HEAD,
    )
