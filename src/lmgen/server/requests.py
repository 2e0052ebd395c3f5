"""What clients may ask, as it is read from JSON and as the library takes it; and how they are refused."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
from starlette.responses import Response

from lmgen.errors import LmgenError, MissingError, UsageError
from lmgen.generation import ALIASES, Constraints, Generation, Sampling, changed, given, split_options
from lmgen.server.tasks import BusyError
from lmgen.text import Vocabulary, plain

Prompts = str | list[int | str | list[int]]
"""A text, texts, the numbers of words, or a list of such."""


@dataclass(frozen=True)
class Limits:
    """The most that a request may ask for."""

    read: int = 1 << 16
    """Of all its texts together."""
    written: int = 4096
    """Words of a continuation."""
    samples: int = 256
    """Continuations of all its prompts together."""
    alternatives: int = 1 << 21
    """Of all words together."""
    body: int = 4 << 20
    """Bytes."""
    seconds: float = 600.0
    """Until the answer is complete."""


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """Of a stream."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CompletionRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/completions: the fields of OpenAI's API; beside them stand lmgen's options."""

    model: str | None = None
    prompt: Prompts = ""
    max_tokens: int | None = None
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    user: str | None = None
    lmgen: dict[str, Any] = {}
    """Options of `Generation`, `Sampling` and `Constraints`, under the names of the library."""


OWN = {"samples", "max_words", "stop", "seed", "alternatives", "measure"}
"""Options of `Generation` that requests have under OpenAI's names."""


def own_options() -> dict[str, Any]:
    """Lmgen's options that a request may hold, and the types of their values."""
    kinds = (Generation, Sampling, Constraints)
    known = {field.name: field.type for kind in kinds for field in fields(kind)}
    return {name: kind for name, kind in known.items() if name not in {*OWN, "sampling", "constraints"}}


def completion_request(body: dict[str, Any]) -> CompletionRequest:
    """Read a request; lmgen's options may stand beside OpenAI's, under any name that the command line has for them."""
    known = own_options()
    named = {name: name.replace("-", "_") for name in body}
    own = [name for name, plain in named.items() if ALIASES.get(plain, plain) in known]
    mine, _ = split_options({name: body[name] for name in own})
    rest = {name: value for name, value in body.items() if name not in own}
    return read({**rest, "lmgen": given(mine)}, CompletionRequest)


def read(body: Any, kind: type) -> Any:
    """JSON as a request. Raises RefusedError that names the field."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        unknown = message.partition("unknown field `")[2].rstrip("`")
        param = unknown or place.strip("`").removeprefix("$").removeprefix(".")
        raise RefusedError(400, f"{param}: {message}" if param and not unknown else message, param or None) from error


def prompts_of(given: Prompts, name: str = "prompt") -> list[str | list[int]]:
    """The prompts of a request, each a text or numbers of words."""
    if isinstance(given, str):
        return [given]
    kinds = {type(one) for one in given}
    if kinds == {int}:
        return [[one for one in given if isinstance(one, int)]]
    if len(kinds) != 1:
        raise RefusedError(400, f"{name} must be a text, texts, the numbers of words, or lists of numbers", name)
    return [one for one in given if not isinstance(one, int)]


def generation_of(asked: CompletionRequest, base: Generation, vocabulary: Vocabulary, limits: Limits) -> Generation:
    """What to write, so many times for each prompt. Raises RefusedError or UsageError.

    Args:
      base: what is written where the request says nothing.
    """
    count, best = asked.n if asked.n is not None else 1, asked.best_of
    samples = count if best is None else best
    wanted = asked.max_tokens if asked.max_tokens is not None else 16
    _check("n", count, 1, limits.samples)
    _check("best_of", samples, count, limits.samples)
    _check("max_tokens", wanted, 0, limits.written)
    _check("logprobs", asked.logprobs or 0, 0, len(vocabulary))
    if asked.suffix:
        raise RefusedError(400, "suffix: this model writes what follows a text, and cannot fill one in", "suffix")
    if best and best > count and asked.stream:
        raise RefusedError(400, "best_of: the best are known at the end only, so they cannot be streamed", "best_of")
    stop = [asked.stop] if isinstance(asked.stop, str) else asked.stop
    changes = {
        **asked.lmgen,
        "samples": samples,
        "max_words": max(wanted, 1),
        "stop": stop or [],
        "seed": secrets.randbits(32) if asked.seed is None else abs(asked.seed),
        "alternatives": asked.logprobs or 0,
        "bias": [*_words(asked.lmgen.get("bias", [])), *_biases(asked.logit_bias or {}, vocabulary)],
    }
    for name in ("ban", "allow"):
        if name in changes:
            changes[name] = _patterns(name, changes[name])
    return changed(base, changes)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise RefusedError(400, f"{name} must be from {least} to {most:,}, not {value}", name)


def _words(value: Any) -> list[str]:
    """A list as it is; `changed` refuses what is none."""
    return value if isinstance(value, list) else [value]


def _patterns(name: str, value: Any) -> Any:
    """Words; files of the server are not read for clients, and their regular expressions could run for ever."""
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str) and len(one) > 1 and (one[0] == "@" or one[0] == one[-1] == "/"):
            raise RefusedError(422, f"{name}: {one!r} is no word: a server takes words alone", name)
    return value


def _biases(given: dict[str, float], vocabulary: Vocabulary) -> list[str]:
    """`WORD=X` of each; a name in digits is a word's number."""
    return [f"{_biased(name, vocabulary)}={value}" for name, value in given.items()]


def _biased(name: str, vocabulary: Vocabulary) -> str:
    if name.isdecimal() and int(name) < len(vocabulary):
        return vocabulary.word(int(name))
    if name.isdecimal() or name not in vocabulary:
        raise RefusedError(400, f"logit_bias: {name!r} is no word of the model, nor the number of one", "logit_bias")
    return name


def check_size(texts: Sequence[Sequence[object]], limits: Limits) -> None:
    """Raise RefusedError if texts have too many words."""
    count = sum(map(len, texts))
    if count > limits.read:
        raise RefusedError(413, f"the texts have {count:,} words, {limits.read:,} are read at most", "prompt")


def check_count(prompts: int, wanted: Generation, tokens: int, limits: Limits) -> None:
    """Raise RefusedError if a request asks for too many continuations, or alternatives of them all."""
    if prompts * wanted.samples > limits.samples:
        message = f"{prompts} prompts of {wanted.samples} are more than {limits.samples} continuations"
        raise RefusedError(400, f"n: {message}", "n")
    if tokens * max(1, wanted.alternatives) > limits.alternatives:
        raise RefusedError(400, f"logprobs: more than {limits.alternatives:,} alternatives in one answer", "logprobs")


# Refusals --------------------------------------------------------------------------------------

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    **dict.fromkeys((500, 503), "server_error"),
}
"""Of errors, by status; others are invalid_request_error."""
RETRY_AFTER = {"Retry-After": "1"}


class RefusedError(LmgenError):
    """A request that gets an error for its answer.

    Args:
      param: the field that is at fault, if one is.
      code: for programs.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


def refusal_of(error: LmgenError, fields: Mapping[str, object] | None = None) -> RefusedError:
    """What a client gets to know of an error.

    Args:
      fields: of the request; one that begins the message is named.
    """
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, BusyError):
        return RefusedError(429, str(error), code="overloaded")
    if isinstance(error, UsageError):
        name = str(error).split()[0].replace("-", "_") if str(error) else ""
        return RefusedError(400, str(error), name if name in (fields or ()) else None)
    if isinstance(error, MissingError):
        return RefusedError(404, str(error), code="model_not_found")
    return RefusedError(503, str(error))


def body_of(error: RefusedError) -> dict[str, object]:
    """The error as OpenAI's API writes it."""
    kind = TYPES.get(error.status, "invalid_request_error")
    return {"error": {"message": str(error), "type": kind, "param": error.param, "code": error.code}}


def error_response(error: RefusedError) -> Response:
    """The answer to a request that is refused."""
    headers = RETRY_AFTER if error.status in (429, 503) else {}
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else headers
    return json_response(body_of(error), error.status, headers)


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(in_json(content), status, headers, "application/json")


def in_json(content: object) -> bytes:
    """JSON. Words of bytes that are not UTF-8, which a vocabulary or a client's numbers may hold, get U+FFFD for them."""
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:
        return msgspec.json.encode(plain(content))
