"""Unicode that looks the same becomes the same, and what is one character to the eye stays together."""

import re
import unicodedata
from collections.abc import Iterator

_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Soft hyphen, zero-width space and the like, directions of writing: they are no part of a word's spelling."""
_OBEYED = re.compile(r"(?!\x1b\[(?:0|1|2|22|3\d|4\d|9\d|38;5;\d+|;)*m)[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, but for the sequences by which colours are set."""
_JOINERS = "\u200c\u200d"
"""Zero-width non-joiner and joiner, which belong to the spelling of Persian, of Hindi and of emoji."""
_SKIN_TONES, _FLAGS, _TAGS = range(0x1F3FB, 0x1F400), range(0x1F1E6, 0x1F200), range(0xE0020, 0xE0080)
_LETTERS, _OTHERS = range(0xA000, 0xA48D), range(0xE000, 0xF900)
"""Stand-ins: Yi syllables, which Moses' rules take for letters, and private characters, which they take for none."""


def normalized(text: str) -> str:
    """A text in Unicode's form NFC, without invisible marks."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text))


def visible(text: str) -> str:
    """A text whose control characters, but for line ends, tabs and colours, can be seen: a terminal would obey them."""
    return _OBEYED.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] < " " else "\ufffd", text)


def kept_together(text: str) -> tuple[str, dict[int, str]]:
    """A text with one stand-in for each sequence of code points that is one character, and what each stands for.

    Such are a letter with a mark that has no code point of its own, an emoji of several, a flag.
    """
    if text.isascii():
        return text, {}
    wholes = [whole for whole in _characters(text) if len(whole) > 1]
    stand_ins: dict[str, str] = {}
    free = {kind: (chr(code) for code in codes if chr(code) not in text) for kind, codes in _POOLS.items()}
    for whole in dict.fromkeys(wholes):
        if stand_in := next(free[whole[0].isalnum()], None):
            stand_ins[whole] = stand_in
    if not stand_ins:
        return text, {}
    text = "".join(stand_ins.get(whole, whole) for whole in _characters(text))
    return text, {ord(stand_in): whole for whole, stand_in in stand_ins.items()}


_POOLS = {True: _LETTERS, False: _OTHERS}


def _characters(text: str) -> Iterator[str]:
    """The code points of a text, those together that are one character."""
    whole = ""
    for code_point in text:
        if whole and _continues(whole, code_point):
            whole += code_point
        else:
            if whole:
                yield whole
            whole = code_point
    if whole:
        yield whole


def _continues(whole: str, code_point: str) -> bool:
    if code_point < "\u0300" or whole.isspace():
        return False
    code = ord(code_point)
    if code_point in _JOINERS or code in _SKIN_TONES or code in _TAGS or unicodedata.category(code_point)[0] == "M":
        return True
    joined = whole[-1] == "\u200d" and not whole[0].isalnum()
    return joined or (code in _FLAGS and len(whole) == 1 and ord(whole) in _FLAGS)
