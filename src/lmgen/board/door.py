"""What stands before TensorBoard's own application: who may ask, and short addresses of single runs."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lmgen.board.address import EVENTS, NEWEST, RUN, address, newest

LOCAL = ("127.0.0.1", "localhost", "::1")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Door:
    """A WSGI application that answers in front of another."""

    def __init__(self, inside: Application, folder: Path, host: str) -> None:
        """`folder`: of the runs; `host`: the name or address that is listened at."""
        self._inside, self._folder, self._host = inside, folder, host

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Refuse a request under a foreign name, send one for a run to its address, pass on all else."""
        host = _name(environ.get("HTTP_HOST", ""))
        if not (is_local(host) or (self._host not in LOCAL and self._is_mine(host))):
            start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "37")])
            return [b"this name is not one of this machine\n"]
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if path == NEWEST or path.startswith(RUN):
            start_response("302 Found", [("Location", self._place(path)), ("Content-Length", "0")])
            return []
        return self._inside(environ, start_response)

    def _place(self, path: str) -> str:
        """Where a short address leads: to the newest run where there is none of the name."""
        asked = path.removeprefix(RUN)
        known = {file.parent.relative_to(self._folder).as_posix() for file in self._folder.rglob(EVENTS)}
        run = asked if asked in known else newest(self._folder)
        return address(self._folder, run) if run else "/"

    def _is_mine(self, host: str) -> bool:
        """Whether a name is one of a machine that others may reach; an address is no name that can be faked."""
        return _is_address(host) or host in (
            self._host.lower(),
            *map(str.lower, (socket.gethostname(), socket.getfqdn())),
        )


def is_local(host: str) -> bool:
    """Whether a name can mean this machine alone."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _name(host: str) -> str:
    """A Host header without its port; empty if it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
