"""Where sentences end in English text, by Moses' rules."""

import re
from functools import cache

_BREAK = re.compile(r"""(?P<mark>[.?!…]+)["'”’)\]]*\s+(?=["'“‘(\[]*(?P<next>\w))""")
_INITIALS = re.compile(r"(\w\.)+\w")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, at least one.

    A sentence ends at `.`, `?`, `!` or `…`, with the quotes and brackets that close there, where a capital letter or
    a digit follows; not after an abbreviation (`Dr.`), initials (`U.S.`), or `No.` before a number.
    """
    sentences, begin = [], 0
    for found in _BREAK.finditer(text):
        following = found["next"]
        if (following.isupper() or following.isdigit()) and not _abbreviated(
            text[begin : found.end("mark")], following
        ):
            sentences.append(text[begin : found.end()].strip())
            begin = found.end()
    return [*sentences, text[begin:]]


def _abbreviated(before: str, following: str) -> bool:
    """Whether the full stop at the end of `before` belongs to its last word."""
    word = before.split()[-1].lstrip("\"'“‘([")
    if not word.endswith(".") or word.endswith(".."):
        return False
    word = word[:-1]
    always, before_numbers = _abbreviations()
    return word in always or bool(_INITIALS.fullmatch(word)) or (word in before_numbers and following.isdigit())


@cache
def _abbreviations() -> tuple[frozenset[str], frozenset[str]]:
    """Words after which a full stop ends no sentence: always, and only before a number."""
    from sacremoses import MosesTokenizer  # loaded by whoever meets a full stop within a text

    moses = MosesTokenizer("en")
    before_numbers = frozenset(moses.NUMERIC_ONLY_PREFIXES)
    return frozenset(moses.NONBREAKING_PREFIXES) - before_numbers, before_numbers
