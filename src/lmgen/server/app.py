"""The paths of the server, and how requests are read and answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeVar

import anyio
import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lmgen.errors import LmgenError
from lmgen.generation import defaults
from lmgen.server import openapi, verbs
from lmgen.server.completions import Completion, EventStream
from lmgen.server.guard import GONE, TEXT, Guard, Metrics, Rules
from lmgen.server.models import Models, Served
from lmgen.server.requests import (
    CompletionRequest,
    Limits,
    RefusedError,
    check_count,
    check_size,
    completion_request,
    error_response,
    generation_of,
    json_response,
    read,
    refusal_of,
)

CHAT = (
    "this is a language model of running text: it has no chat template and answers no questions. "
    "POST /v1/completions writes what follows a text."
)
UPLOAD = 30.0
"""Seconds in which a request's body must have come."""
Found = TypeVar("Found")
Body = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """The handlers of all paths."""

    models: Models
    limits: Limits
    metrics: Metrics
    stopping: Callable[[], bool] = lambda: False
    """Whether no new work is wanted."""
    failed: list[LmgenError] = field(default_factory=list)
    """Why it could not start."""

    async def completions(self, request: Request, body: Body) -> Response:
        asked = completion_request(body)
        async with self.models.use(asked.model) as served:
            completion = await self._completion(served, asked, body)
            try:
                if not asked.stream:
                    return json_response(await self._unless_gone(request, completion.whole()))
                with anyio.move_on_after(self.limits.seconds):
                    await EventStream(completion)(request.scope, request.receive, request._send)
                return _Sent()
            finally:
                completion.asking.close()

    async def _completion(self, served: Served, asked: CompletionRequest, body: Body) -> Completion:
        vocabulary = served.model.vocabulary
        base = defaults(served.model.files)
        try:
            wanted = generation_of(asked, base, vocabulary, self.limits)
            split = verbs.Splitter(vocabulary, self.limits)
            texts = await split.texts(asked.prompt)
        except LmgenError as error:
            raise refusal_of(error, body) from error
        check_size([text.tokens for text in texts], self.limits)
        echoed = sum(len(text.tokens) for text in texts) if asked.echo else 0
        written = len(texts) * wanted.samples * wanted.max_words
        check_count(len(texts), wanted, written + echoed, self.limits)
        return Completion(served, asked, texts, wanted)

    async def rows(self, request: Request, body: Body) -> Response:
        kinds = {
            "/v1/surprisal": verbs.SurprisalRequest,
            "/v1/next": verbs.NextRequest,
            "/v1/choose": verbs.ChooseRequest,
        }
        return await self._answer(request, read(body, kinds[request.url.path]), verbs.rows)

    async def embeddings(self, request: Request, body: Body) -> Response:
        return await self._answer(request, read(body, verbs.EmbeddingRequest), verbs.embeddings)

    async def tokenize(self, request: Request, body: Body) -> Response:
        return await self._answer(request, read(body, verbs.TokenizeRequest), verbs.tokenize)

    async def detokenize(self, request: Request, body: Body) -> Response:
        return await self._answer(request, read(body, verbs.DetokenizeRequest), verbs.detokenize)

    async def _answer(
        self, request: Request, asked: Any, verb: Callable[[Any, Served, Limits], Coroutine[Any, Any, Body]]
    ) -> Response:
        async with self.models.use(asked.model) as served:
            return json_response(await self._unless_gone(request, verb(asked, served, self.limits)))

    async def tokenizer_info(self, request: Request) -> Response:
        async with self.models.use(request.query_params.get("model")) as served:
            return json_response(verbs.tokenizer_info(served, self.limits))

    async def list_models(self, request: Request) -> Response:
        return json_response({"object": "list", "data": [self._model(name) for name in self.models.sources]})

    async def one_model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.models.sources:
            raise RefusedError(404, f"there is no model {name!r} here", "model", "model_not_found")
        return json_response(self._model(name))

    def _model(self, name: str) -> Body:
        manifest = self.models.sources[name].files.manifest
        loaded = self.models.loaded.get(name)
        return {
            "id": name,
            "object": "model",
            "created": loaded.created if loaded else 0,
            "owned_by": "lmgen",
            "description": manifest.description if manifest else "",
            "loaded": loaded is not None,
        }

    async def chat(self, request: Request) -> Response:
        raise RefusedError(404, CHAT, code="no_chat")

    async def health(self, request: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        if self.stopping() or not self.models.loaded:
            raise RefusedError(
                503, "the server is stopping: try again later" if self.stopping() else "no model is loaded yet"
            )
        return json_response({"status": "ready"})

    async def metric_lines(self, request: Request) -> Response:
        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def description(self, request: Request) -> Response:
        return json_response(openapi.description())

    async def page(self, request: Request) -> Response:
        policy = "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'"
        return HTMLResponse(
            (files("lmgen.server") / "page.html").read_text("utf-8"), headers={"Content-Security-Policy": policy}
        )

    async def _unless_gone(self, request: Request, work: Coroutine[Any, Any, Found]) -> Found:
        """What work finds; it is cancelled when the client goes away, or when it takes too long."""
        working = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({working, watching}, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            late = not watching.done()
            raise RefusedError(503 if late else GONE, "this took too long" if late else "the client is gone")
        finally:
            working.cancel()
            watching.cancel()

    def posting(
        self, handler: Callable[[Request, Body], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A handler that is given the request's body."""

        async def handle(request: Request) -> Response:
            return await handler(request, await self._body(request))

        return handle

    async def _body(self, request: Request) -> Body:
        data = bytearray()
        try:
            with anyio.fail_after(UPLOAD):
                async for chunk in request.stream():
                    data += chunk
                    if len(data) > self.limits.body:
                        raise RefusedError(413, f"the request is longer than {self.limits.body:,} bytes")
        except TimeoutError:
            raise RefusedError(408, f"the request did not come within {UPLOAD:.0f} seconds") from None
        try:
            body = msgspec.json.decode(bytes(data))
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise RefusedError(400, f"the request is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise RefusedError(400, "the request must be a JSON object")
        request.scope[TEXT] = body
        return body


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Sent(Response):
    """What was answered already."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        return


def routes(service: Service) -> list[Route]:
    """Every path."""
    post, get = ["POST"], ["GET"]
    return [
        Route("/", service.page, methods=get),
        Route("/health", service.health, methods=get),
        Route("/ready", service.ready, methods=get),
        Route("/metrics", service.metric_lines, methods=get),
        Route("/openapi.json", service.description, methods=get),
        Route("/v1/models", service.list_models, methods=get),
        Route("/v1/models/{name:path}", service.one_model, methods=get),
        Route("/v1/completions", service.posting(service.completions), methods=post),
        Route("/v1/embeddings", service.posting(service.embeddings), methods=post),
        Route("/v1/chat/completions", service.chat, methods=post),
        Route("/v1/surprisal", service.posting(service.rows), methods=post),
        Route("/v1/next", service.posting(service.rows), methods=post),
        Route("/v1/choose", service.posting(service.rows), methods=post),
        Route("/tokenize", service.posting(service.tokenize), methods=post),
        Route("/detokenize", service.posting(service.detokenize), methods=post),
        Route("/tokenizer_info", service.tokenizer_info, methods=get),
    ]


def application(service: Service, rules: Rules, started: Callable[[], None]) -> Starlette:
    """The server; `started` is called when the first model is loaded."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            async with service.models.use(None):
                pass
        except LmgenError as error:
            service.failed.append(error)
            raise
        started()
        yield
        await asyncio.to_thread(service.models.close)

    paths = routes(service)
    guard = Middleware(Guard, rules=rules, metrics=service.metrics, paths=[route.path for route in paths])
    cors = Middleware(
        CORSMiddleware, allow_origins=list(rules.origins), allow_methods=["GET", "POST"], allow_headers=["*"]
    )
    middleware = [guard, cors] if rules.origins else [guard]
    handlers = {LmgenError: _refused, HTTPException: _http_error, Exception: _failed}
    return Starlette(routes=paths, middleware=middleware, exception_handlers=handlers, lifespan=lifespan)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LmgenError)
    return error_response(refusal_of(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {
        404: f"there is no {request.url.path} here: see /openapi.json",
        405: f"{request.method} is not for this path",
    }
    response = error_response(RefusedError(error.status_code, said.get(error.status_code, error.detail)))
    response.headers.update(error.headers or {})  # `Allow`, which belongs to 405
    return response


async def _failed(_request: Request, error: Exception) -> Response:
    return error_response(RefusedError(500, "internal error: see the server's log"))
