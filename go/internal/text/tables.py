"""Write tables.txt: the sets of characters and the abbreviations of Moses' rules for English, as sacremoses has them.

And of Unicode, which two characters are one in form NFC.
"""

import unicodedata
from itertools import groupby
from pathlib import Path

from sacremoses import MosesTokenizer

SETS = ("IsN", "IsAlnum", "IsAlpha", "IsLower")


def tables() -> str:
    """A line for each set, its ranges in hexadecimal; then the abbreviations, and those that are so before numbers."""
    moses = MosesTokenizer("en")
    lines = [f"{name} {' '.join(_ranges(getattr(moses, name)))}" for name in SETS]
    numeric = moses.NUMERIC_ONLY_PREFIXES
    always = [prefix for prefix in moses.NONBREAKING_PREFIXES if prefix.partition(" ")[0] not in numeric]
    words = [f"always {' '.join(always)}", f"before-numbers {' '.join(numeric)}"]
    return "\n".join([*lines, *words, f"compose {' '.join(_compositions())}", ""])


def _compositions() -> list[str]:
    """Base, mark and what both are together, in hexadecimal."""
    found = []
    for code in range(0x80, 0x30000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and "<" not in parts[0]:
            pair = "".join(chr(int(part, 16)) for part in parts)
            if unicodedata.normalize("NFC", pair) == chr(code):
                found.append(f"{parts[0].lower()}-{parts[1].lower()}-{code:x}")
    return found


def _ranges(characters: str) -> list[str]:
    codes = sorted(set(map(ord, characters)))
    groups = groupby(enumerate(codes), lambda pair: pair[1] - pair[0])
    bounds = [[code for _, code in group] for _, group in groups]
    return [f"{codes[0]:x}-{codes[-1]:x}" for codes in bounds]


if __name__ == "__main__":
    (Path(__file__).parent / "tables.txt").write_text(tables())
