"""Where the tokens of a text stand in it, as the user wrote it."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lmgen.errors import UsageError

_WORD = re.compile(r"\S+")
_KEYS = {
    **dict.fromkeys("'\"‘’‚‛´`“”„‟«»", '"'),
    **dict.fromkeys("-\u2010\u2011\u2012\u2013\u2014\u2015", "-"),
    "…": ".",
}
"""Characters that a tokeniser writes otherwise."""
_RUNNING = {'"', "-", "."}
_UNSEEN = {"Mn", "Cf", "Cc"}
"""Unicode's categories of marks over other characters, of formats and of control characters: a tokeniser drops them."""
_LONG = 20_000


@dataclass(frozen=True)
class Span:
    """A part of a text, and the tokens that it became."""

    start: int
    """Where it begins, in code points from 0; text[start:end] is the part."""
    end: int
    tokens: range
    """Places of its tokens; empty for characters that no token holds."""


def word_spans(text: str, tokens: Sequence[str], punctuation: bool = False) -> list[Span]:
    """The white-space words of a text, with the tokens of each; every token belongs to one.

    Args:
      tokens: of the whole text, in order, without special tokens.
      punctuation: each token without a letter or digit at either end of a word is a word by itself.
    """
    words = [found.span() for found in _WORD.finditer(text)]
    places = _token_places(text, words, tokens)
    spans = _owned(words, places)
    return [part for span in spans for part in _apart(span, tokens, places)] if punctuation else spans


def region_spans(text: str, regions: Iterable[tuple[int, int]], tokens: Sequence[str]) -> list[Span]:
    """Given regions of a text, (start, end) in code points, with the tokens of each.

    Raises UsageError where a region's end splits a token.
    """
    words = [found.span() for found in _WORD.finditer(text)]
    places = _token_places(text, words, tokens)
    spans = _owned(list(regions), places)
    for span in spans:
        for token in span.tokens:
            if places[token][1] > span.end:
                raise UsageError(f"the region {text[span.start : span.end]!r} ends within the token {tokens[token]!r}")
    return spans


def token_spans(text: str, tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Start and end of each token in a text, in code points."""
    return _token_places(text, [found.span() for found in _WORD.finditer(text)], tokens)


def _owned(parts: Sequence[tuple[int, int]], places: Sequence[tuple[int, int]]) -> list[Span]:
    """Parts of a text with the tokens that begin in each, or before it and after the one before."""
    spans, first = [], 0
    for number, (start, end) in enumerate(parts):
        last = first
        while last < len(places) and (places[last][0] < end or number == len(parts) - 1):
            last += 1
        spans.append(Span(start, end, range(first, last)))
        first = last
    return spans


def _apart(span: Span, tokens: Sequence[str], places: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """A word, with the punctuation at its ends as words of their own."""
    lettered = [place for place in span.tokens if any(map(str.isalnum, tokens[place]))]
    inner = range(lettered[0], lettered[-1] + 1) if lettered else range(0)
    groups = [list(group) for _, group in groupby(span.tokens, lambda place: -1 if place in inner else place)]
    if not groups:
        yield span
        return
    ends = [places[group[0]][0] for group in groups[1:]]
    for group, start, end in zip(groups, (span.start, *ends), (*ends, span.end), strict=True):
        yield Span(start, end, range(group[0], group[-1] + 1))


def _token_places(text: str, words: Sequence[tuple[int, int]], tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Start and end of each token in the text, which may spell it otherwise: `’` for `'`, `…` for `...`."""
    characters = [place for start, end in words for place in range(start, end)]
    written = "".join(text[start:end] for start, end in words)
    spelled = "".join(tokens)
    at = range(len(spelled)) if written == spelled else _aligned(written, spelled)
    spans, first = [], 0
    for token in tokens:
        last = first + len(token)
        spans.append((characters[at[first]], characters[at[last - 1]] + 1))
        first = last
    return spans


def _aligned(written: str, spelled: str) -> list[int]:
    """The place in `written` of each character of `spelled`: the same, or that which it stands for; they rise."""
    ours, theirs = _Runs(written), _Runs(spelled)
    places = [0] * len(spelled)
    for start, end, first, last in _matched(ours.keys, theirs.keys):
        begin, width = ours.starts[start], max(ours.starts[end] - ours.starts[start], 1)
        count = theirs.starts[last] - theirs.starts[first]
        for step in range(count):
            places[theirs.starts[first] + step] = min(begin + step * width // count, len(written) - 1)
    return places


class _Runs:
    """The letters of a text, without accents; quotes, dashes or full stops that follow each other are one."""

    def __init__(self, text: str) -> None:
        self.keys: list[str] = []
        self.starts: list[int] = []
        for place, character in enumerate(text):
            key = _KEYS.get(character) or unicodedata.normalize("NFKD", character)[0]
            runs_on = key in _RUNNING and self.keys and self.keys[-1] == key
            if not runs_on and unicodedata.category(key) not in _UNSEEN:
                self.keys.append(key)
                self.starts.append(place)
        self.starts.append(len(text))


def _matched(ours: list[str], theirs: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """What belongs together, as (start, end) in both: one and one where they are as many, else a piece and a piece."""
    if ours == theirs:
        pieces = [(0, len(ours), 0, len(theirs))]
    elif max(len(ours), len(theirs)) > _LONG:  # a match takes the square of the length
        yield 0, len(ours), 0, len(theirs)
        return
    else:
        pieces = [code[1:] for code in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()]
    for start, end, first, last in pieces:
        if end - start == last - first:
            yield from ((start + step, start + step + 1, first + step, first + step + 1) for step in range(end - start))
        else:
            yield start, end, first, last
