"""What was probably meant by a name or a word that is not known."""

from collections.abc import Iterable, Iterator
from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmgen.text.vocabulary import Vocabulary


def meant(given: str, known: Iterable[str], mark: str = "") -> str:
    """`do you mean NAME?` for the nearest of the known names, with `mark` before it; empty where none is near."""
    import difflib  # 8 ms, which a command without a slip need not wait for

    near = difflib.get_close_matches(given, known, 1)
    return f"do you mean {mark}{near[0]}?" if near else ""


def unknown_word(word: str, vocabulary: "Vocabulary") -> str:
    """A sentence about a word that a vocabulary lacks, with the most frequent known word that is one slip away."""
    lacking = f"{word!r} is not in the model's vocabulary"
    known = [near for near in _one_slip(word) if near in vocabulary]
    return f"{lacking}: do you mean {min(known, key=vocabulary.id)!r}?" if known else lacking


def _one_slip(word: str) -> Iterator[str]:
    """The spellings that differ by their case, or by one letter left out, added, changed, or swapped with the next."""
    yield from (word.lower(), word.capitalize(), word.upper())
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for letter in ascii_lowercase:
            yield before + letter + after
            yield before + letter + after[1:]
