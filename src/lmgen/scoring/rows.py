"""Scores as rows: one for each token, or for each word or region of the user's."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lmgen.errors import UsageError
from lmgen.scoring.formats import BASES, decimals, probability
from lmgen.scoring.score import Scored
from lmgen.scoring.words import Part, parts_of
from lmgen.text import SENTENCE_END, Row, Vocabulary, joined

MORE = ("entropy_after", "entropy_reduction")
COLUMNS = {
    "token": ("sentence_id", "token_id", "token", "surprisal", "logprob", "prob", "rank", "entropy", "oov"),
    "word": ("sentence_id", "word_id", "word", "start", "end", "tokens", "surprisal", "logprob", "oov"),
    "region": ("sentence_id", "region_id", "region", "start", "end", "tokens", "surprisal", "logprob", "oov"),
}
"""What a row is, and its columns unless others are asked for."""
KNOWN = {
    "token": (*COLUMNS["token"], *MORE),
    "word": (*COLUMNS["word"], "prob", "rank", "entropy", *MORE),
    "region": (*COLUMNS["region"], "prob", "rank", "entropy", *MORE),
}
"""The columns that may be asked for."""
ALL = "all"


@dataclass(frozen=True)
class Rows:
    """What rows of scores hold."""

    base: str = "2"
    """Of BASES; logprob is the natural logarithm whatever it is."""
    by: str = "token"
    """What a row is, of COLUMNS."""
    columns: Sequence[str] = ()
    """Some of KNOWN[by], or `all` of them; those of COLUMNS[by] without it."""
    punctuation: bool = False
    """Of words: tokens without a letter or digit at either end of a word are words by themselves."""
    lag: int = 0
    """Rows back whose surprisal is given too, in columns surprisal_lag1, …: 0 <= lag."""
    top: int = 0
    """The most likely words in place of each, in columns top1, top1_prob, …: 0 <= top."""

    def __post_init__(self) -> None:
        if self.base not in BASES:
            raise UsageError(f"base must be one of {', '.join(BASES)}, not {self.base!r}")
        if self.by not in COLUMNS:
            raise UsageError(f"by must be one of {', '.join(COLUMNS)}, not {self.by!r}")
        for name, number in (("lag", self.lag), ("top", self.top)):
            if number < 0:
                raise UsageError(f"{name} must be 0 or more, not {number}")
        for name in () if self.columns in (ALL, [ALL], (ALL,)) else self.columns:
            if name not in KNOWN[self.by]:
                raise UsageError(f"there is no column {name!r}: choose from {','.join(KNOWN[self.by])}, or {ALL}")

    @property
    def measured(self) -> Sequence[str]:
        """The columns without those of the lag and of the most likely words."""
        return KNOWN[self.by] if ALL in self.columns else self.columns or COLUMNS[self.by]

    @property
    def names(self) -> list[str]:
        """All columns, in order."""
        lags = [f"surprisal_lag{back}" for back in range(1, self.lag + 1)]
        tops = [name for place in range(1, self.top + 1) for name in (f"top{place}", f"top{place}_prob")]
        return [*self.measured, *lags, *tops]

    def needs(self) -> dict[str, Any]:
        """The fields of `Scoring` without which these rows cannot be made."""
        entropy = any(name.startswith("entropy") for name in self.measured)
        return {"rank": "rank" in self.measured, "entropy": entropy, "top": self.top}


@dataclass(frozen=True)
class _Place:
    """A row to be: a part of a scored sentence."""

    scored: Scored
    part: Part
    number: int
    unit: float

    @cached_property  # several columns and the lag need it
    def logprob(self) -> float:
        return float(self.scored.logprobs[list(self.part.tokens)].sum())

    def first(self, values: Any) -> Any:
        """The value at the part's first token; None for a part without a token."""
        return values[self.part.tokens[0]] if self.part.tokens else None

    @property
    def before(self) -> float | None:
        """Entropy in nats of what the first token comes from."""
        return self.first(self.scored.measures.entropies)

    @property
    def after(self) -> float | None:
        """Entropy in nats of what follows the last token; None after the end of a sentence, or where nothing is scored."""
        after = self.part.tokens[-1] + 1 if self.part.tokens else 0
        if not after or self.part.text == SENTENCE_END or after >= len(self.scored.tokens):
            return None
        return float(self.scored.measures.entropies[after])

    @property
    def reduction(self) -> float | None:
        return None if self.before is None or self.after is None else max(0.0, self.before - self.after)

    def in_unit(self, nats: float | None) -> float | None:
        return None if nats is None else decimals(nats / self.unit)


_VALUES: dict[str, Callable[[_Place], Any]] = {
    "sentence_id": lambda place: place.scored.sentence.number,
    **dict.fromkeys(("token_id", "word_id", "region_id"), lambda place: place.number),
    **dict.fromkeys(("token", "word", "region"), lambda place: place.part.text),
    "start": lambda place: place.part.start,
    "end": lambda place: place.part.end,
    "tokens": lambda place: len(place.part.tokens),
    "surprisal": lambda place: place.in_unit(-place.logprob),
    "logprob": lambda place: decimals(place.logprob),
    "prob": lambda place: probability(math.exp(place.logprob)),
    "rank": lambda place: None if (rank := place.first(place.scored.measures.ranks)) is None else int(rank),
    "entropy": lambda place: place.in_unit(place.before),
    "entropy_after": lambda place: place.in_unit(place.after),
    "entropy_reduction": lambda place: place.in_unit(place.reduction),
    "oov": lambda place: int(place.scored.oov[list(place.part.tokens)].sum()),
}
"""How each column is made. Entropy reduction: Hale (2006), over the next word alone (Linzen & Jaeger 2016)."""


def score_rows(scores: Iterable[Scored], wanted: Rows, vocabulary: Vocabulary) -> Iterator[Row]:
    """A row for every token, word or region: the user's columns, then `wanted.names`, which give way to equal names.

    sentence_id is the sentence's place in the input, token_id (word_id, region_id) the row's in the sentence, both
    from 1. surprisal and logprob are sums over the row's tokens, oov is the number of those outside the vocabulary;
    rank, entropy and the most likely words are those of its first token. Surprisals of a lag are None before the
    sentence's first row. The end of a sentence has a row of its own where it is scored, unless words are rows of the
    user's.
    """
    names, unit = wanted.names, BASES[wanted.base]
    for scored in scores:
        of_rows = scored.sentence.rows if wanted.by != "token" else ()
        number, before = 1, deque[float | None](maxlen=wanted.lag)
        for part in _parts(scored, wanted):
            place, end = _Place(scored, part, number, unit), part.text == SENTENCE_END
            if not (of_rows and part.is_end):
                extra = of_rows[number - 1] if of_rows else scored.sentence.extra
                yield joined(extra, dict(zip(names, _values(place, wanted, before, vocabulary), strict=True)))
                number += 1
            if end:
                before.clear()
            else:
                before.append(place.in_unit(-place.logprob))


def _parts(scored: Scored, wanted: Rows) -> list[Part]:
    if wanted.by == "token":
        return [Part(token, 0, 0, [place]) for place, token in enumerate(scored.tokens)]
    return parts_of(scored, wanted.by, wanted.punctuation)


def _values(place: _Place, wanted: Rows, before: Sequence[float | None], vocabulary: Vocabulary) -> Iterator[Any]:
    yield from (_VALUES[name](place) for name in wanted.measured)
    yield from (before[-back] if back <= len(before) else None for back in range(1, wanted.lag + 1))
    if not wanted.top:
        return
    best = place.first(place.scored.measures.best)
    for rank in range(wanted.top):
        known = best is not None and rank < len(best)
        yield vocabulary.word(int(best["id"][rank])) if known else None
        yield probability(math.exp(best["logprob"][rank])) if known else None
