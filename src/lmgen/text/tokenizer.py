"""Text to words and back, in the conventions of the training text.

The One Billion Word Benchmark was normalised to ASCII quotes and tokenised by Moses' rules for
English: `don't` becomes `don 't`, punctuation stands alone, an inner full stop stays (`U.S.`).
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from lmgen.errors import UsageError
from lmgen.text.sentence_ends import split_sentences
from lmgen.text.vocabulary import SENTENCE_END

_STRAIGHT = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛´`", "'"),
        **dict.fromkeys("“”„‟«»", '"'),
        "\u2014": " -- ",
        "\u2013": "-",
        "\u2026": "...",
        "\u00a0": " ",
    }
)

LONGEST = 1 << 20
"""Characters of a text at most: more is a mistake rather than a text (a file without line ends, say)."""

_PLAIN = re.compile("[A-Za-z0-9 ]*")
_QUOTES = {'"', "'"}
_CLOSING = {*".,;:?!)]}%/", "..."}
_OPENING = {*"([{$£€#/¿¡"}
_CONTRACTION = re.compile("'(s|t|re|ve|d|ll|m)", re.IGNORECASE)
_PARTICLES = {"O", "D", "L", "d", "l"}


def tokenize(text: str) -> list[str]:
    """The words of a text: Moses' rules after quotes, dashes and ellipses became ASCII."""
    if _PLAIN.fullmatch(text):  # nothing to do, and no need to load the rules
        return text.split()
    plain = text.replace(" \u2013 ", " -- ").translate(_STRAIGHT).replace("''", '"')
    return _moses().tokenize(plain, escape=False)


@cache
def _moses() -> Any:
    from sacremoses import MosesTokenizer

    return MosesTokenizer("en")


class Detokenizer:
    """Joins words as one writes, one after the other: `don 't` to `don't`, no space before a full stop.

    Straight quotes open and close in turn; an apostrophe after a plural (`the dogs '`) closes nothing.
    """

    def __init__(self) -> None:
        self._before = ("", "")
        self._open: set[str] = set()
        self._glue = True

    def add(self, word: str) -> str:
        """What the next word adds to the text: itself, after a space where one belongs."""
        possessive = word == "'" and word not in self._open and self._before[1].endswith("s")
        closing = word in self._open or possessive
        glued = self._glue or closing or word in _CLOSING or self._continues(word)
        if word in _QUOTES and not possessive:
            self._open ^= {word}
        self._glue = word in _OPENING or (word in _QUOTES and not closing)
        self._before = (self._before[1], word)
        return word if glued else f" {word}"

    def _continues(self, word: str) -> bool:
        """Whether the word was cut off the one before: `'s`, `O 'Brien`, `7 : 49`."""
        earlier, last = self._before
        if last == ":" and earlier.isdigit() and word.isdigit():
            return True
        return bool(_CONTRACTION.fullmatch(word)) or (last in _PARTICLES and word.startswith("'"))


def detokenize(words: Iterable[str]) -> str:
    """Words as natural text."""
    joiner = Detokenizer()
    return "".join(joiner.add(word) for word in words)


def detokenize_sentences(words: Iterable[str]) -> str:
    """Words of several sentences, each but the last ended by `</S>`, as natural text."""
    sentences: list[list[str]] = [[]]
    for word in words:
        if word == SENTENCE_END:
            sentences.append([])
        else:
            sentences[-1].append(word)
    return " ".join(map(detokenize, filter(None, sentences)))


def split_words(tokenized: bool = False, whole: bool = False) -> Callable[[str], list[str]]:
    """How to make words of a text.

    Args:
      tokenized: at white space, since it is tokenised already; else by Moses' rules, with `</S>` between sentences.
      whole: a text is one sentence, whatever it looks like.
    """
    split = str.split if tokenized else tokenize if whole else tokenize_sentences

    def split_short(text: str) -> list[str]:
        if len(text) > LONGEST:
            raise UsageError(f"a text of {len(text):,} characters is too long, {LONGEST:,} are read at most")
        return split(text)

    return split_short


def tokenize_sentences(text: str) -> list[str]:
    """The words of a text's sentences, with `</S>` between them."""
    words: list[str] = []
    for sentence in split_sentences(text):
        words += [SENTENCE_END, *tokenize(sentence)] if words else tokenize(sentence)
    return words
