"""What lmgen's own commands give, and words as numbers: the answers of all paths but completions."""

import asyncio
import base64
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from lmgen.api import LM
from lmgen.errors import UsageError
from lmgen.items import Item, choice_rows, choose_sentences
from lmgen.model import LanguageModel, read
from lmgen.scoring import (
    BASES,
    REDUCTIONS,
    Scoring,
    as_input,
    candidate_tokens,
    next_candidates,
    next_rows,
    next_words,
    suffix_logprobs,
)
from lmgen.server.completions import Asking
from lmgen.server.models import Served
from lmgen.server.requests import Limits, Prompts, RefusedError, check_size, prompts_of
from lmgen.server.tasks import Task, Vector
from lmgen.server.tokens import LONGEST_WORD, Text, number_of, numbered_text, text_of
from lmgen.text import MARKS, SENTENCE_END, SENTENCE_START, UNKNOWN, Vocabulary, split_words

MODERATE = 20_000
"""Characters of a text from which on it is split by a thread of its own."""
Found = TypeVar("Found")
Record = dict[str, Any]


class _Reading(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    model: str | None = None
    base: str = "2"
    """Of surprisal: 2, e or 10."""
    prefix: str = ""
    """Is read before, and not scored."""
    renormalize: bool = True
    oov_input: str = "chars"
    tokenized: bool = False
    whole: bool = False

    def scoring(self, end: bool = True) -> Scoring:
        words = () if isinstance(self, NextRequest) else tuple(self.split(self.prefix))
        return Scoring(words, self.renormalize, self.oov_input, end=end, whole=self.whole)

    def split(self, text: str) -> list[str]:
        return split_words(self.tokenized, self.whole)(text)

    def check(self) -> None:
        if self.base not in BASES:
            raise RefusedError(400, f"base must be one of {', '.join(BASES)}, not {self.base!r}", "base")


class SurprisalRequest(_Reading):
    """POST /v1/surprisal: the rows of `lmgen surprisal`."""

    input: str | list[str]
    context: str | None = None
    by: str = "token"
    end: bool = True


class NextRequest(_Reading):
    """POST /v1/next: the rows of `lmgen next`."""

    k: int = 20
    candidates: list[str] | None = None
    starts_with: str = ""
    suffix: str = ""
    """What is to follow: words are ranked by the probability of both."""


class ChooseRequest(_Reading):
    """POST /v1/choose: the rows of `lmgen choose`, one for each item."""

    items: list[list[str]]
    reduce: str = "sum"


class EmbeddingRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/embeddings: the top layer's output after the last word of each text."""

    input: Prompts
    model: str | None = None
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


class TokenizeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /tokenize: the numbers of a text's words."""

    prompt: str
    model: str | None = None
    add_special_tokens: bool = False
    return_token_strs: bool = False


class DetokenizeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /detokenize: the text of words' numbers."""

    tokens: list[int]
    model: str | None = None


def surprisal(asked: SurprisalRequest, model: LanguageModel) -> list[Record]:
    """A row for every token, word or region."""
    lm = LM(model, asked.scoring(asked.end), asked.tokenized)
    return lm.surprisal(asked.input, asked.base, asked.context, asked.by)


def following(asked: NextRequest, model: LanguageModel) -> list[Record]:
    """A row for every word that may come next, or candidate."""
    if asked.candidates and asked.starts_with:
        raise RefusedError(400, "candidates are listed as they are: leave out starts_with", "starts_with")
    wanted = asked.scoring()
    context = read(model, list(map(as_input(model, wanted), asked.split(asked.prefix))))
    distribution = next_words(model, context, asked.renormalize)
    tokens = {name: candidate_tokens(name, model.vocabulary, asked.split) for name in asked.candidates or ()}
    if tokens:
        found = next_candidates(model, context, distribution, tokens, wanted)
    else:
        among = distribution.starting_with(asked.starts_with) if asked.starts_with else None
        found = distribution.best(asked.k, among)
    words = [tokens.get(entry.word, [entry.word]) for entry in found]
    follows = suffix_logprobs(model, context, words, asked.split(asked.suffix), wanted) if asked.suffix else None
    return next_rows(found, asked.base, follows)


def choose(asked: ChooseRequest, model: LanguageModel) -> list[Record]:
    """A row for every item."""
    if asked.reduce not in REDUCTIONS:
        raise RefusedError(400, f"reduce must be sum or mean, not {asked.reduce!r}", "reduce")
    if any(len(item) < 2 for item in asked.items):
        raise RefusedError(400, "items: each has two sentences or more", "items")
    items = [Item([asked.split(sentence) for sentence in item]) for item in asked.items]
    return list(choice_rows(choose_sentences(model, items, asked.scoring(), asked.reduce), asked.base))


VERBS: dict[type, Callable[[Any, LanguageModel], list[Record]]] = {
    SurprisalRequest: surprisal,
    NextRequest: following,
    ChooseRequest: choose,
}


async def rows(asked: _Reading, served: Served, limits: Limits) -> Record:
    """The rows of a command."""
    asked.check()
    check_size([text.split() for text in _texts_of(asked)], limits)
    verb = VERBS[type(asked)]
    found = await served.scored(lambda model: verb(asked, model), threading.Event())
    return {"object": "list", "model": served.name, "data": found}


def _texts_of(asked: _Reading) -> list[str]:
    texts = [asked.prefix]
    if isinstance(asked, SurprisalRequest):
        texts += [asked.input] if isinstance(asked.input, str) else asked.input
    if isinstance(asked, NextRequest):
        texts += [*(asked.candidates or []), asked.suffix]
    if isinstance(asked, ChooseRequest):
        texts += [sentence for item in asked.items for sentence in item]
    return texts


# Words ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Splitter:
    """How prompts become words."""

    vocabulary: Vocabulary
    limits: Limits
    tokenized: bool = False
    whole: bool = False

    async def texts(self, given: Prompts, name: str = "prompt") -> list[Text]:
        """The prompts of a request."""
        prompts = prompts_of(given, name)
        if sum(map(len, prompts)) < MODERATE:
            return self._texts(prompts)
        return await asyncio.to_thread(self._texts, prompts)

    def _texts(self, prompts: Sequence[str | list[int]]) -> list[Text]:
        check_size([prompt.split() if isinstance(prompt, str) else prompt for prompt in prompts], self.limits)
        split = split_words(self.tokenized, self.whole)
        return [
            text_of(prompt, split) if isinstance(prompt, str) else numbered_text(prompt, self.vocabulary)
            for prompt in prompts
        ]


async def tokenize(asked: TokenizeRequest, served: Served, limits: Limits) -> Record:
    """The numbers of a text's words, and the words."""
    vocabulary = served.model.vocabulary
    [text] = await Splitter(vocabulary, limits).texts(asked.prompt)
    begin = asked.add_special_tokens and text.tokens[:1] != (SENTENCE_START,)
    words = [*([SENTENCE_START] if begin else []), *text.tokens]
    numbers = [number_of(word, vocabulary) for word in words]
    strings = {"token_strs": words} if asked.return_token_strs else {}
    return {"count": len(words), "max_model_len": limits.read, "tokens": numbers, **strings}


async def detokenize(asked: DetokenizeRequest, served: Served, limits: Limits) -> Record:
    """The text of words, as one writes it; marks are left out."""
    [text] = await Splitter(served.model.vocabulary, limits).texts([asked.tokens] if asked.tokens else "", "tokens")
    return {"prompt": text.text}


def tokenizer_info(served: Served, limits: Limits) -> Record:
    """What lm-evaluation-harness asks of a tokenizer."""
    ids = dict(zip(MARKS, map(served.model.vocabulary.id, MARKS), strict=True))
    return {
        "tokenizer_class": "lmgen",
        "bos_token": SENTENCE_START,
        "eos_token": SENTENCE_END,
        "unk_token": UNKNOWN,
        "pad_token": None,
        "bos_token_id": ids[SENTENCE_START],
        "eos_token_id": ids[SENTENCE_END],
        "unk_token_id": ids[UNKNOWN],
        "vocab_size": len(served.model.vocabulary),
        "model_max_length": limits.read,
        "longest_word": LONGEST_WORD,
        "chat_template": None,
    }


# Vectors --------------------------------------------------------------------------------------


async def embeddings(asked: EmbeddingRequest, served: Served, limits: Limits) -> Record:
    """A vector of each text."""
    if asked.encoding_format not in (None, "float", "base64"):
        raise RefusedError(400, "encoding_format must be float or base64", "encoding_format")
    texts = await Splitter(served.model.vocabulary, limits).texts(asked.input, "input")
    tasks = [Task(text.words, number=number, vector=True) for number, text in enumerate(texts)]
    if not all(text.words for text in texts):
        raise UsageError("input has a text without a word: leave it out")
    found: dict[int, np.ndarray] = {}
    asking = Asking(served, tasks)
    try:
        async for task, event in asking.events():
            if isinstance(event, Vector):
                found[task.number] = event.hidden
    finally:
        asking.close()
    data = [
        {"object": "embedding", "index": number, "embedding": _encoded(found[number], asked)}
        for number in range(len(texts))
    ]
    count = sum(len(text.words) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": served.name, "usage": usage}


def _encoded(vector: np.ndarray, asked: EmbeddingRequest) -> str | list[float]:
    if asked.dimensions not in (None, len(vector)):
        raise RefusedError(400, f"dimensions: vectors of this model have {len(vector)}", "dimensions")
    if asked.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return vector.tolist()
