"""Who may ask, and what is noted of every request."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lmgen.server.requests import RefusedError, error_response, in_json

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN = {"/", "/health", "/ready", "/openapi.json"}
"""Paths that need no token: they say nothing of models or texts."""
GONE = 499
"""Status, in metrics and the log, where the client went away before it had an answer."""
TEXT = "lmgen.text"
"""Where in a request's scope its body is kept, if it is to be logged."""


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Rules:
    """Who may ask."""

    tokens: Sequence[str] = ()
    """One of them must be sent; none means that anybody may ask."""
    hosts: Sequence[str] = ()
    """Names by which the server may be called; none means any. On the loopback this keeps foreign pages out whose
    name was made to lead here."""
    origins: Sequence[str] = ()
    """Pages of other servers that may ask."""
    connections: int = 512
    """Requests that are answered at once."""
    log: IO[str] | None = None
    """Where every request is noted, a line of JSON each."""
    log_text: bool = False
    """Whether its body is noted too."""


class Metrics:
    """Counters of a server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter("lmgen_requests", "Answers, by path and status.", ["path", "status"], registry=registry)
        self.open_now = 0
        self.open = Gauge("lmgen_requests_open", "Requests that are being answered.", registry=registry)
        self.queue = Gauge("lmgen_queue", "Texts and continuations that wait for a row.", registry=registry)
        self.rows = Gauge("lmgen_rows", "Rows of the batch in use, by what they do.", ["use"], registry=registry)
        self.read = Counter("lmgen_words_read", "Words read.", registry=registry)
        self.written = Counter("lmgen_words_written", "Words written.", registry=registry)
        self.scored = Counter("lmgen_words_scored", "Words of prompts scored.", registry=registry)
        self.cached = Counter(
            "lmgen_words_cached", "Words not read again: the prefix cache knew them.", registry=registry
        )
        self.cache = Counter("lmgen_prefixes", "Texts looked for in the prefix cache.", ["found"], registry=registry)
        self.cache_size = Gauge("lmgen_prefix_cache_bytes", "Size of the prefix cache.", registry=registry)
        self.models = Gauge("lmgen_models_loaded", "Models in memory.", registry=registry)
        self.model_size = Gauge("lmgen_model_bytes", "Bytes of the loaded models' files.", registry=registry)
        self.first = Histogram(
            "lmgen_first_word_seconds", "From a text's arrival to its first word.", buckets=SECONDS, registry=registry
        )
        self.word = Histogram("lmgen_word_seconds", "From one word to the next.", buckets=SECONDS, registry=registry)


class Guard:
    """Lets requests through, or refuses them; counts and notes them all."""

    def __init__(self, app: ASGIApp, rules: Rules, metrics: Metrics, paths: Sequence[str]) -> None:
        self._app, self._rules, self._metrics, self._paths = app, rules, metrics, frozenset(paths)
        self._digests = [_digest(token) for token in rules.tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, size = time.monotonic(), 0, 0

        async def watched(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        self._metrics.open_now += 1
        self._metrics.open.set(self._metrics.open_now)
        try:
            refused = self._refusal(scope)
            await (error_response(refused) if refused else self._app)(scope, receive, watched)
        except Exception:
            status = 500
            raise
        finally:
            status = status or GONE
            self._metrics.open_now -= 1
            self._metrics.open.set(self._metrics.open_now)
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.requests.labels(path, str(status)).inc()
            self._note(scope, {"status": status, "bytes": size, "seconds": round(time.monotonic() - began, 6)})

    def _refusal(self, scope: Scope) -> RefusedError | None:
        if self._metrics.open_now > self._rules.connections and scope["path"] not in OPEN:
            return RefusedError(503, f"{self._rules.connections} requests are being answered: try again later")
        headers = Headers(scope=scope)
        host = _name_of(headers.get("host", ""))
        if self._rules.hosts and host not in self._rules.hosts:
            return RefusedError(403, f"this server is not called {host!r}: name it with --allow-host", code="host")
        origin = headers.get("origin")
        if origin and origin not in self._rules.origins and _name_of(origin.partition("://")[2]) != host:
            return RefusedError(403, f"pages of {origin} may not ask: allow them with --allow-origin", code="origin")
        if self._digests and scope["path"] not in OPEN and scope["method"] != "OPTIONS":
            return self._unknown(headers.get("authorization", ""))
        return None

    def _unknown(self, authorization: str) -> RefusedError | None:
        kind, _, token = authorization.partition(" ")
        given = _digest(token.strip() if kind.lower() == "bearer" else "")
        # all are compared, so that the time reveals nothing
        if sum([hmac.compare_digest(given, digest) for digest in self._digests]):
            return None
        said = (
            "the token is not one of this server's" if authorization else "a token is needed: Authorization: Bearer …"
        )
        return RefusedError(401, said, code="invalid_api_key")

    def _note(self, scope: Scope, facts: dict[str, Any]) -> None:
        if not self._rules.log:
            return
        client = scope.get("client") or ("",)
        head = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "client": client[0]}
        record = {**head, "method": scope["method"], "path": scope["path"], **facts}
        if self._rules.log_text and TEXT in scope:
            record["request"] = scope[TEXT]
        self._rules.log.write(in_json(record).decode() + "\n")
        self._rules.log.flush()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _name_of(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
