"""Words to ids, to character ids, and back.

The file is the release's: one UTF-8 word a line, the line's number is the word's id, and the line
`!!!MAXTERMID` takes no id (tensorflow/models, research/lm_1b/data_utils.py).
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from lmgen.errors import IntegrityError, MissingError

SENTENCE_END, SENTENCE_START, UNKNOWN = "</S>", "<S>", "<UNK>"
LITERAL = "\0"
"""Before a mark: read it by its spelling (no text has this character)."""
MARKS = (SENTENCE_END, SENTENCE_START, UNKNOWN)
MAX_BYTES = 48
"""A longer word is cut to its first 48 bytes, as in the release."""
WORD_LENGTH = MAX_BYTES + 2
"""Characters of a word with its begin and end marks, padded: 50."""
FREQUENT_WORDS = 1 << 16
NEWLINE = ord("\n")

SEARCHES = 100
"""Rare words that are searched for; at the released size a search takes two milliseconds."""
NO_WORD = "!!!MAXTERMID"
"""The last line of the release's vocabulary, the padding row: no word."""
_NO_WORD = NO_WORD.encode()
_SURROGATE = re.compile("[\ud800-\udfff]")
_ASCII_SPACE = b" \t\n\r\v\f"


class Lines:
    """Lines of a text, kept as its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        """With line feeds between the lines."""
        feeds = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE).astype(np.int32)
        self._bounds = np.concatenate([[-1], feeds, [len(data)] if data else []], dtype=np.int32, casting="unsafe")

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, index: int) -> str:
        return decode(self.data[self._bounds[index] + 1 : self._bounds[index + 1]])

    def find(self, line: str) -> int | None:
        """Where a line stands, the last of its kind, after the first line; None where it does not."""
        wanted = b"\n" + encode(line)
        end = len(self.data) - len(wanted)
        place = end if self.data.endswith(wanted) else self.data.rfind(wanted + b"\n")
        return int(np.searchsorted(self._bounds, place)) if place >= 0 and "\n" not in line else None

    def first(self, count: int) -> list[str]:
        """So many lines, or all."""
        end = self._bounds[min(count, len(self))]
        return decode(self.data[: max(end, 0)]).split("\n") if len(self) else []


class Vocabulary:
    """The words a model can predict, by id; and the spelling of any word at all."""

    def __init__(self, words: Iterable[str] | Lines, spelled_marks: bool = False) -> None:
        self.lines = words if isinstance(words, Lines) else Lines(b"\n".join(map(encode, words)))
        """The words by id."""
        self.spelled_marks = spelled_marks
        self.frequent = {word: index for index, word in enumerate(self.lines.first(FREQUENT_WORDS))}
        """Ids of the words that come first, which are the most frequent ones."""
        self._searches = 0
        *_, self._unknown = map(self._mark, MARKS)

    @classmethod
    def load(cls, path: Path, spelled_marks: bool = False) -> "Vocabulary":
        """Read a vocabulary file. Only ASCII white space is stripped: 0x85 and 0xA0 are bytes of words."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise MissingError(f"cannot read the vocabulary {path}: {error.strerror}") from error
        try:
            return cls(Lines(_words_in(data)), spelled_marks)
        except IntegrityError as error:
            raise IntegrityError(f"{path} cannot be used: {error}") from error

    def save(self, path: Path) -> None:
        """Write the file that `load` reads."""
        path.write_bytes(b"\n".join([self.lines.data, _NO_WORD, b""]))

    @cached_property
    def words(self) -> list[str]:
        """All words by id: at the released size they take a tenth of a second, and 60 MB."""
        return self.lines.first(len(self))

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, word: str) -> bool:
        return self._find(word) is not None

    def id(self, word: str) -> int:
        """The word's id, or that of `<UNK>`."""
        found = self._find(word)
        return self._unknown if found is None else found

    def _mark(self, mark: str) -> int:
        found = self._find(mark)
        if found is None:
            raise IntegrityError(f"it has no line {mark}: is it a vocabulary file?")
        return found

    def _find(self, word: str) -> int | None:
        """The word's id, or None. For a few rare words the bytes are searched, which is sooner done than `_ids` made."""
        if word in self.frequent:
            return self.frequent[word]
        self._searches += 1
        return self.lines.find(word) if self._searches <= SEARCHES else self._ids.get(word)

    @cached_property
    def _ids(self) -> dict[str, int]:
        """Of all words: at the released size it takes a third of a second."""
        return {word: index for index, word in enumerate(self.words)}

    def word(self, index: int) -> str:
        """The word of an id. Raises IndexError for a softmax row that belongs to no word."""
        if not 0 <= index < len(self):
            raise IndexError(f"no word has the id {index}: this vocabulary has {len(self)} words")
        return self.lines[index]

    @cached_property
    def unused_bytes(self) -> bytes:
        """The five byte values for: sentence start, sentence end, word start, word end, padding.

        They are the first five that occur in no word (0 to 4 in the release).
        """
        text = self.lines.data
        unused = bytes(islice((value for value in range(256) if value == NEWLINE or value not in text), 5))
        if len(unused) < 5:
            raise IntegrityError("the vocabulary's words use too many byte values: five must be free")
        return unused

    def char_ids(self, word: str) -> np.ndarray:
        """How the model reads a word: int32 [50], byte values between the word's marks, then padding.

        `<S>` and `</S>` are the special rows of training, not their spelling, unless `spelled_marks` is
        set. Any word can be read, whether it is in the vocabulary or not.
        """
        return self.all_char_ids([word])[0]

    def all_char_ids(self, words: Sequence[str]) -> np.ndarray:
        """`char_ids` of many words at once: int32 [words, 50]."""
        start, end, word_start, word_end, pad = (bytes([value]) for value in self.unused_bytes)
        special = {} if self.spelled_marks else {SENTENCE_START: start, SENTENCE_END: end}
        rows = (special.get(word) or encode(word.removeprefix(LITERAL))[:MAX_BYTES] for word in words)
        text = b"".join((word_start + row + word_end).ljust(WORD_LENGTH, pad) for row in rows)
        return np.frombuffer(text, np.uint8).reshape(len(words), WORD_LENGTH).astype(np.int32)


def _words_in(data: bytes) -> bytes:
    """The words of a file, with line feeds between them."""
    text = data.strip(b"\n").removesuffix(b"\n" + _NO_WORD).strip(b"\n")
    if not any(unusual in text for unusual in (b" ", b"\t", b"\r", b"\v", b"\f", b"\n\n", _NO_WORD)):
        return text
    lines = (line.strip(_ASCII_SPACE) for line in text.split(b"\n"))
    return b"\n".join(line for line in lines if line and line != _NO_WORD)


def decode(word: bytes) -> str:
    """The text of bytes; those that are no UTF-8 stay what they are for `encode`."""
    return word.decode("utf-8", "surrogateescape")


def encode(word: str) -> bytes:
    """A word's bytes; those that were no UTF-8 when read come back as they were. Half a character becomes U+FFFD."""
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", word).encode()
