"""Prompts as words; words as numbers. Any word has a number, in the vocabulary or not."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from lmgen.errors import UsageError
from lmgen.text import (
    SENTENCE_END,
    SENTENCE_START,
    Detokenizer,
    Vocabulary,
    token_spans,
)

OUTSIDE = 1 << 21
"""A word outside the vocabulary has this number and that of its bytes, the first one highest."""
LONGEST_WORD = 1 << 10
"""Bytes of a word at most that has a number."""
_MARKS = re.compile(f"({re.escape(SENTENCE_END)}|{re.escape(SENTENCE_START)})")


@dataclass(frozen=True)
class Part:
    """A piece of a text: a mark that the client wrote, or what stands between marks."""

    start: int
    """Where it begins, in code points."""
    text: str
    tokens: tuple[str, ...]

    @property
    def offsets(self) -> list[int]:
        """Where each token begins; the end of a sentence that has been found stands where the sentence ends."""
        marks = _MARKS.fullmatch(self.text) or not self.text
        spelled = [token for token in self.tokens if token != SENTENCE_END]
        spans = iter([] if marks else token_spans(self.text, spelled))
        places, end = list[int](), 0
        for token in self.tokens:
            begin, end = (end, end) if marks or token == SENTENCE_END else next(spans)
            places.append(self.start + begin)
        return places


@dataclass(frozen=True)
class Text:
    """A text and its words."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        for before, token in pairwise((SENTENCE_END, *self.tokens)):
            if token == SENTENCE_START and before != SENTENCE_END:
                raise UsageError(
                    f"prompt has {SENTENCE_START} within a sentence: it stands at the beginning or after {SENTENCE_END}"
                )

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Its words, and the marks that the client wrote; `<S>` only where a sentence begins."""
        return tuple(token for part in self.parts for token in part.tokens)

    @property
    def words(self) -> tuple[str, ...]:
        """Those that are read: `<S>` is, without being said."""
        return tuple(token for token in self.tokens if token != SENTENCE_START)

    @property
    def offsets(self) -> list[int]:
        """Where each token begins in the text, in code points."""
        return [offset for part in self.parts for offset in part.offsets]


def text_of(text: str, split: Callable[[str], list[str]]) -> Text:
    """A text as a client wrote it. `<S>` may begin a sentence, and `</S>` end one."""
    parts, start = list[Part](), 0
    for piece in _MARKS.split(text):
        tokens = (piece,) if _MARKS.fullmatch(piece) else tuple(split(piece)) if piece.strip() else ()
        parts.append(Part(start, piece, tokens))
        start += len(piece)
    return Text(tuple(parts))


def numbered_text(numbers: Sequence[int], vocabulary: Vocabulary) -> Text:
    """A text given by the numbers of its words."""
    joiner, parts, start = Joiner(), list[Part](), 0
    for number in numbers:
        word = word_of(number, vocabulary)
        piece = "" if word == SENTENCE_START else joiner.add(word)
        parts.append(Part(start, piece, (word,)))
        start += len(piece)
    return Text(tuple(parts))


def number_of(word: str, vocabulary: Vocabulary) -> int:
    """A word's id, or OUTSIDE and its bytes as a number."""
    if word in vocabulary:
        return vocabulary.id(word)
    return OUTSIDE + int.from_bytes(word.encode("utf-8", "surrogateescape"), "big")


def word_of(number: int, vocabulary: Vocabulary) -> str:
    """The word of a number. Raises UsageError for one that belongs to none."""
    if 0 <= number < len(vocabulary):
        return vocabulary.word(number)
    rest = number - OUTSIDE
    if rest > 0 and rest.bit_length() <= 8 * LONGEST_WORD:
        word = rest.to_bytes((rest.bit_length() + 7) // 8, "big").decode("utf-8", "surrogateescape")
        if word.split() == [word]:
            return word
    raise UsageError(f"prompt has the token {number}, which is no word's: /tokenize says which are")


class Joiner:
    """Joins words of several sentences as one writes, one after the other.

    Args:
      before: words of the text so far.
      ending: how that text ends, as it was written.
    """

    def __init__(self, before: Sequence[str] = (), ending: str = "") -> None:
        self._sentence, self._between, self._spaced = Detokenizer(), "", False
        for word in before:
            self.add(word)
        self._spaced = not before or ending[-1:].isspace()

    def add(self, word: str) -> str:
        """What the next word adds to the text; nothing for the end of a sentence."""
        if word == SENTENCE_END:
            self._sentence, self._between = Detokenizer(), " "
            return ""
        piece = self._between + self._sentence.add(word)
        spaced, self._between, self._spaced = self._spaced, "", False
        return piece.removeprefix(" ") if spaced else piece


class Cut:
    """Text up to a stop text, which is not shown; what may be the beginning of one waits."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops, self._held, self.length, self.cut = stops, "", 0, False

    @property
    def end(self) -> int:
        """Length of the text so far, with what waits."""
        return self.length + len(self._held)

    def add(self, piece: str) -> str:
        """What can be shown now."""
        if self.cut:
            return ""
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.cut = True
            return self._show(text, min(places))
        longest = max((size for stop in self._stops for size in _begun(text, stop)), default=0)
        return self._show(text, len(text) - longest)

    def rest(self) -> str:
        """What waited, at the end."""
        return "" if self.cut else self._show(self._held, len(self._held))

    def _show(self, text: str, end: int) -> str:
        self._held = text[end:]
        self.length += end
        return text[:end]


def _begun(text: str, stop: str) -> Iterator[int]:
    """How many last characters of a text begin a stop text."""
    return (size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size]))
