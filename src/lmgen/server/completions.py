"""POST /v1/completions: texts continued and scored, whole or as a stream."""

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from lmgen.errors import LmgenError
from lmgen.generation import Ended, Generation, Word
from lmgen.server.models import Served
from lmgen.server.requests import CompletionRequest, RefusedError, body_of, in_json, refusal_of
from lmgen.server.tasks import Done, Event, Scores, Task
from lmgen.server.tokens import Cut, Joiner, Text
from lmgen.text import SENTENCE_END, SENTENCE_START

FINISHED = {"sentence": "stop", "stop": "stop", "length": "length"}
UNREAD = 1024
"""Events that wait for a client to read, besides what is in the system's buffers; a client that leaves more is let go."""
Record = dict[str, Any]


class Asking:
    """Tasks that an engine works on, and what it says of them."""

    def __init__(self, served: Served, tasks: list[Task]) -> None:
        self._served, self._tasks = served, tasks
        self._heard: asyncio.Queue[tuple[Task, Event]] = asyncio.Queue()
        for task in tasks:
            task.listener = partial(self._hear, task)
        served.engine.submit(tasks)

    def _hear(self, task: Task, event: Event) -> None:
        if self._heard.qsize() == UNREAD:
            self.close()
            event = Done(RefusedError(408, "the answer was read too slowly"))
        if self._heard.qsize() <= UNREAD:
            self._heard.put_nowait((task, event))

    async def events(self) -> AsyncIterator[tuple[Task, Event]]:
        """All that is said, until nothing more is to come. Raises the LmgenError that ends a task."""
        left = len(self._tasks)
        while left:
            task, event = await self._heard.get()
            if isinstance(event, Done):
                left -= 1
                if event.error:
                    raise event.error
            else:
                yield task, event

    def close(self) -> None:
        """Nobody listens any more."""
        for task in self._tasks:
            self._served.engine.cancel(task)


@dataclass
class Logprobs:
    """Of the words of a choice, in OpenAI's form."""

    tokens: list[str] = field(default_factory=list)
    token_logprobs: list[float | None] = field(default_factory=list)
    top_logprobs: list[dict[str, float] | None] = field(default_factory=list)
    text_offset: list[int] = field(default_factory=list)

    def add(self, token: str, logprob: float | None, top: dict[str, float] | None, offset: int) -> None:
        self.tokens.append(token)
        self.token_logprobs.append(logprob)
        self.top_logprobs.append(top)
        self.text_offset.append(offset)

    def since(self, start: int) -> "Logprobs":
        """Those from a place on."""
        return Logprobs(*(column[start:] for column in vars(self).values()))


class Choice:
    """One answer in the making: the prompt, if it is echoed, and a continuation."""

    def __init__(self, index: int, prompt: Text, options: Generation | None, logprobs: bool) -> None:
        self.index, self._prompt, self._wanted = index, prompt, logprobs
        self._joiner = Joiner(prompt.words, prompt.text)
        self._cut = Cut(options.stop if options else ())
        self.text, self.logprobs = "", Logprobs()
        self.sum, self.count = 0.0, 0
        self.finish: str | None = None

    def echo(self, scores: Scores | None) -> str:
        """Begin with the prompt, and the scores of its words."""
        self.text = self._prompt.text
        if scores:
            scored = zip(scores.logprobs, scores.alternatives, strict=True)
            for token, offset in zip(self._prompt.tokens, self._prompt.offsets, strict=True):
                logprob, best = (None, None) if token == SENTENCE_START else next(scored)
                self.logprobs.add(token, logprob, None if best is None else _top(best, token, logprob), offset)
        return self.text

    def add(self, event: Word | Ended) -> str:
        """One more word, or the end. Returns the text that can be shown."""
        if isinstance(event, Word):
            piece = self._joiner.add(event.text)
            self._count(event.text, event, self._cut.end + len(piece) - len(piece.lstrip(" ")))
            shown = self._cut.add(piece)
        else:
            if event.reason == "sentence":
                self._count(SENTENCE_END, event, self._cut.end)
            self.finish, shown = FINISHED[event.reason], self._cut.rest()
        self.text += shown
        return shown

    def _count(self, token: str, event: Word | Ended, place: int) -> None:
        self.sum, self.count = self.sum + event.logprob, self.count + 1
        if self._wanted:
            best = [(word, math.log(share) if share > 0 else -math.inf) for word, share in event.alternatives]
            self.logprobs.add(token, event.logprob, _top(best, token, event.logprob), len(self._prompt.text) + place)

    @property
    def mean(self) -> float:
        """The mean log-probability of its words: the best of several has the highest."""
        return self.sum / max(self.count, 1)

    def record(self, text: str, since: int = 0) -> Record:
        """What is reported of it."""
        logprobs = vars(self.logprobs.since(since)) if self._wanted else None
        return {"index": self.index, "text": text, "logprobs": logprobs, "finish_reason": self.finish}


def _top(best: list[tuple[str, float]], token: str, logprob: float | None) -> dict[str, float]:
    """The alternatives asked for, and the word itself, as OpenAI's API has them."""
    return {**dict(best), **({} if logprob is None or token in dict(best) else {token: logprob})}


class Completion:
    """A request in the making: every prompt's choices."""

    def __init__(self, served: Served, asked: CompletionRequest, texts: list[Text], options: Generation) -> None:
        self._asked, self._served = asked, served
        self._writes = asked.max_tokens != 0
        self._texts, self._samples = texts, options.samples
        self._scores = bool(asked.echo) and asked.logprobs is not None
        wanted = options if self._writes else None
        self.choices = [
            [
                Choice(number * options.samples + sample, text, wanted, asked.logprobs is not None)
                for sample in range(options.samples)
            ]
            for number, text in enumerate(texts)
        ]
        self._echoed: set[int] = set()
        self._late: dict[int, list[tuple[Choice, Word | Ended]]] = {}
        scored = asked.logprobs if self._scores else None
        self.asking = Asking(served, [Task(text.words, wanted, number, scored) for number, text in enumerate(texts)])
        self._frame = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": served.name,
            "system_fingerprint": served.fingerprint,
        }

    async def chunks(self) -> AsyncIterator[tuple[Choice, str, int]]:
        """Every choice that has more to show, that text, and how many words were sent before."""
        if self._asked.echo and not self._scores:
            for number in range(len(self._texts)):
                for chunk in self._echo(number, None):
                    yield chunk
        async for task, event in self.asking.events():
            if isinstance(event, Scores):
                for chunk in self._echo(task.number, event):
                    yield chunk
            elif isinstance(event, Word | Ended):
                choice = self.choices[task.number][event.sample]
                if self._scores and task.number not in self._echoed:  # the prompt's scores come first
                    self._late.setdefault(task.number, []).append((choice, event))
                else:
                    yield self._add(choice, event)
        if not self._writes:
            for choice in (choice for choices in self.choices for choice in choices):
                choice.finish = "length"
                yield choice, "", len(choice.logprobs.tokens)

    def _echo(self, number: int, scores: Scores | None) -> Iterator[tuple[Choice, str, int]]:
        self._echoed.add(number)
        for choice in self.choices[number]:
            yield choice, choice.echo(scores), 0
        for choice, event in self._late.pop(number, ()):
            yield self._add(choice, event)

    @staticmethod
    def _add(choice: Choice, event: Word | Ended) -> tuple[Choice, str, int]:
        before = len(choice.logprobs.tokens)
        return choice, choice.add(event), before

    @property
    def usage(self) -> Record:
        """Words read and written."""
        read = sum(len(text.tokens) for text in self._texts)
        written = sum(choice.count for choices in self.choices for choice in choices)
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}

    async def whole(self) -> Record:
        """The answer."""
        async for _ in self.chunks():
            pass
        count = self._asked.n or 1
        kept = [choice for choices in self.choices for choice in _best(choices, count)]
        for index, choice in enumerate(kept):
            choice.index = index
        return {**self._frame, "choices": [choice.record(choice.text) for choice in kept], "usage": self.usage}

    async def stream(self) -> AsyncIterator[bytes]:
        """The answer as server-sent events."""
        usage = bool(self._asked.stream_options and self._asked.stream_options.include_usage)
        nothing = {"usage": None} if usage else {}
        try:
            async for choice, text, since in self.chunks():
                yield _event({**self._frame, "choices": [choice.record(text, since)], **nothing})
        except LmgenError as error:
            yield _event(body_of(refusal_of(error)))
            return
        if usage:
            yield _event({**self._frame, "choices": [], "usage": self.usage})
        yield b"data: [DONE]\n\n"


def _best(choices: list[Choice], count: int) -> list[Choice]:
    """So many choices; where there are more, those with the highest mean log-probability, the best first."""
    return choices if len(choices) == count else sorted(choices, key=lambda choice: -choice.mean)[:count]


def _event(content: Record) -> bytes:
    return b"data: " + in_json(content) + b"\n\n"


class EventStream(StreamingResponse):
    """An answer of server-sent events; whatever ends it, the engine hears of it."""

    def __init__(self, completion: Completion) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(completion.stream(), headers=headers, media_type="text/event-stream")
        self._asking = completion.asking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._asking.close()
