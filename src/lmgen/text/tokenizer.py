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
from lmgen.text.unicode import kept_together, normalized
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
_REST = re.compile(r"'[^\W\d]+")
"""What Moses' rules cut off at an apostrophe between letters: `'t`, `'Brien`, `'clock`."""
_CUT_OFF = re.compile(r"(?<=\w) (?=(n't|'(s|re|ve|d|ll|m))(?!\w))", re.IGNORECASE)
"""The space before what the Penn Treebank cuts off a word (Marcus et al. 1993)."""
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_BRACKET = re.compile("|".join(_BRACKETS))
_TWO_PARTS = re.compile(r"\b(can not|gon na|got ta|wan na|gim me|lem me|d' ye|more 'n|'t is|'t was)\b", re.IGNORECASE)
"""Words that the Penn Treebank cuts in two, and the training text does not."""
_ENDS = {*".!?", "..."}
_SHORT = re.compile("[A-Z]{1,3}")
"""What is written without spaces at an ampersand: AT&T, R&D."""


def tokenize(text: str) -> list[str]:
    """The words of a text: Moses' rules after quotes, dashes and ellipses became ASCII.

    Unicode is put in form NFC, without invisible marks. What was split by the Penn Treebank's rules is split as the
    training text was: `does n't` is `doesn 't`, `-LRB-` is a bracket.
    """
    if _PLAIN.fullmatch(text):  # nothing to do, and no need to load the rules
        return text.split()
    plain = normalized(text).replace(" \u2013 ", " -- ").translate(_STRAIGHT).replace("''", '"')
    plain = _CUT_OFF.sub("", _BRACKET.sub(lambda found: _BRACKETS[found[0]], plain))
    plain, wholes = kept_together(plain)
    words = _moses().tokenize(plain, escape=False)
    return [word.translate(wholes) for word in words] if wholes else words


def tokenize_penn(text: str) -> list[str]:
    """The words of a text that is tokens of the Penn Treebank, with spaces between, as the training text has them."""
    text = text.replace("\\/", "/").replace("\\*", "*")
    return tokenize(_TWO_PARTS.sub(lambda found: found[0].replace(" ", ""), text))


@cache
def _moses() -> Any:
    from sacremoses import MosesTokenizer

    return MosesTokenizer("en")


class Detokenizer:
    """Joins words as one writes, one after the other: `don 't` to `don't`, no space before a full stop.

    Straight quotes open and close in turn; an apostrophe after a plural (`the dogs '`) closes nothing, and a quote after
    the end of a sentence opens nothing.
    """

    def __init__(self) -> None:
        self._before = ("", "")
        self._open: set[str] = set()
        self._glue = True

    def add(self, word: str) -> str:
        """What the next word adds to the text: itself, after a space where one belongs."""
        last = self._before[1]
        possessive = word == "'" and word not in self._open and last.endswith("s")
        stray = word == '"' and word not in self._open and last in _ENDS
        closing = word in self._open or possessive or stray
        glued = self._glue or closing or word in _CLOSING or self._continues(word)
        if word in _QUOTES and not possessive and not stray:
            self._open ^= {word}
        self._glue = word in _OPENING or word == "@" or (word in _QUOTES and not closing)
        self._before = (last, word)
        return word if glued else f" {word}"

    def _continues(self, word: str) -> bool:
        """Whether the word was cut off the one before: `'s`, `O 'Brien`, `7 : 49`, `AT & T`, `me @ example.com`."""
        earlier, last = self._before
        if last == ":" and earlier.isdigit() and word.isdigit():
            return True
        if word == "&" or last == "&":
            return all(map(_SHORT.fullmatch, (earlier, word) if last == "&" else (last,)))
        return bool(_REST.fullmatch(word) and last[-1:].isalpha()) or (word == "@" and last[-1:].isalnum())


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


def split_words(tokenized: bool = False, whole: bool = False, penn: bool = False) -> Callable[[str], list[str]]:
    """How to make words of a text.

    Args:
      tokenized: at white space, since it is tokenised already; else by Moses' rules, with `</S>` between sentences.
      whole: a text is one sentence, whatever it looks like.
      penn: a text is one sentence, in tokens of the Penn Treebank.
    """
    split = str.split if tokenized else tokenize_penn if penn else tokenize if whole else tokenize_sentences

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
