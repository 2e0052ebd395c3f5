"""GET /openapi.json: the description that clients are made from."""

from importlib.metadata import version
from typing import Any

import msgspec

from lmgen.server.requests import CompletionRequest, own_options
from lmgen.server.verbs import (
    ChooseRequest,
    DetokenizeRequest,
    EmbeddingRequest,
    NextRequest,
    SurprisalRequest,
    TokenizeRequest,
)

POSTED: dict[str, tuple[type, str]] = {
    "/v1/completions": (CompletionRequest, "Continue texts, or score them."),
    "/v1/embeddings": (EmbeddingRequest, "Vectors of texts."),
    "/v1/surprisal": (SurprisalRequest, "How unexpected every word of texts is."),
    "/v1/next": (NextRequest, "What may come next."),
    "/v1/choose": (ChooseRequest, "The most likely of several sentences."),
    "/tokenize": (TokenizeRequest, "The numbers of a text's words."),
    "/detokenize": (DetokenizeRequest, "The text of words' numbers."),
}
GOT = {
    "/v1/models": "The models of this server.",
    "/tokenizer_info": "Special tokens and the size of the vocabulary.",
    "/health": "Whether the server runs.",
    "/ready": "Whether a model is loaded.",
    "/openapi.json": "This description.",
}
REFUSALS = {
    "400": "The request cannot be used; param names the field.",
    "401": "A token is needed.",
    "403": "The server is not called so, or pages of this origin may not ask.",
    "404": "There is no such model.",
    "408": "The request's body did not come in time.",
    "413": "The request is too large.",
    "422": "What was asked is not done over HTTP.",
    "429": "Too much waits: try again later.",
    "503": "The server is stopping, or has no room.",
}
ANY = {"application/json": {"schema": {"type": "object"}}}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def description() -> dict[str, Any]:
    """In OpenAPI 3.1."""
    kinds = [kind for kind, _ in POSTED.values()]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    options, _ = msgspec.json.schema_components(list(own_options().values()))
    asked = schemas[CompletionRequest.__name__]
    asked["properties"] |= dict(zip(own_options(), options, strict=True))
    del asked["properties"]["lmgen"]
    schemas["Error"] = ERROR
    posts = {path: {"post": _operation(said, kind)} for path, (kind, said) in POSTED.items()}
    gets = {path: {"get": _operation(said)} for path, said in GOT.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "lmgen", "version": version("lmgen")},
        "paths": {**posts, **gets},
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _operation(said: str, kind: type | None = None) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refused = {status: {"description": text, "content": error} for status, text in REFUSALS.items()}
    body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}} if kind else None
    given = {"requestBody": {"required": True, "content": body}} if body else {}
    return {"summary": said, **given, "responses": {"200": {"description": "The answer.", "content": ANY}, **refused}}
