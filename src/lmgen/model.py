"""What a language model can do; texts as values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from lmgen.checkpoint import ModelFiles
from lmgen.text import SENTENCE_END, SENTENCE_START, Vocabulary

State = tuple[np.ndarray, ...]
"""LSTM memory, one float32 array [rows, cells + projection] per layer: c, then h. Never changed in place."""


@dataclass(frozen=True)
class Reach:
    """What a choice depends on: the `count` highest logits, and all that are within `nats` of the highest."""

    count: int = 1
    nats: float = 0.0


SPELLED_WORDS = 512
"""Words that go through the convolutions at once: at the released size they take 100 MB."""


class LanguageModel(Protocol):
    """Reading and predicting are two calls: the softmax costs most, and not every word read needs it.

    Any number of threads may use one model: calls take turns, and what a call returns belongs to its thread.
    """

    vocabulary: Vocabulary
    files: ModelFiles
    """What it was loaded from."""
    precision: str
    """`float32`; `exact`, whose choices are float32's; or `fast`, int8."""

    def start(self, rows: int = 1) -> State:
        """An empty LSTM state for so many texts: zeros, float32 [rows, cells + projection] per layer."""

    def advance(self, state: State, words: Sequence[str]) -> State:
        """The state after each row has read one word, by its spelling, which may be outside the vocabulary.

        Both are float32 [rows, cells + projection] per layer.

        Args:
          words: one for each row of the state.
        """

    def logits(self, state: State) -> np.ndarray:
        """Unnormalised log-probabilities of the next word, float32 [rows, softmax rows].

        There are more softmax rows than words: those from len(vocabulary) on belong to no word, but
        take their share of the distribution.
        """

    def hidden(self, state: State) -> np.ndarray:
        """All that the softmax sees of a memory: the top layer's h, float32 [rows, projection]."""

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        """The logits after hidden states, from whatever texts they were gathered.

        float32 [rows, softmax rows], from float32 [rows, projection].
        """

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        """The same, some columns after the others: float32 [rows, some of the softmax rows].

        Each holds until the same thread lets the model predict again.
        """

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        """What the LSTM sees of each word, float32 [words, projection]."""


@runtime_checkable
class PlacedModel(Protocol):
    """A `LanguageModel` whose operations are placed on devices."""

    def placement(self) -> list[tuple[str, str, str]]:
        """(node, operation, device) of all that runs for one word."""


class Screen(Protocol):
    """Logits of one text, near the model's at first, which can be made the model's where a choice depends on them."""

    logits: np.ndarray
    """float32 [softmax rows]."""

    def settle(self, words: np.ndarray) -> None:
        """Make the logits of words, given by their places, int64 [words], the model's."""

    def settle_reach(self, shift: np.ndarray, reach: Reach) -> np.ndarray:
        """Settle all words that a choice can depend on, and maybe some more; returns their places, int64, ascending.

        Args:
          shift: is added to `logits` before the choice, float32 [softmax rows]; -inf rules a word out.
        """

    def bounds(self, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `allowed` is at least and at most once it is settled, float32 [softmax rows] each.

        Both are far below all else where it is -inf.
        """


@runtime_checkable
class ScreeningModel(Protocol):
    """A `LanguageModel` that is slower at all logits than at those which matter."""

    def screen(self, state: State) -> list[Screen]:
        """The logits of each row of a state, float32 [softmax rows] each, of which some may never be needed."""


class Rows:
    """Logits of texts, each put together from parts of the softmax when it is taken, by the thread that takes it."""

    def __init__(self, parts: Iterable[np.ndarray]) -> None:
        self._parts = list(parts)

    def __len__(self) -> int:
        return len(self._parts[0])

    def __getitem__(self, row: int) -> np.ndarray:
        return np.concatenate([part[row] for part in self._parts])


def take(state: State, rows: Sequence[int]) -> State:
    """The state with these rows, in this order: rows may be repeated, dropped, reordered. float32 [len(rows), …] each."""
    return tuple(layer[list(rows)] for layer in state)


def to_read(model: LanguageModel, state: State, words: Sequence[str]) -> tuple[State, Sequence[str]]:
    """What the model reads where each row's text has one more word, and the state before it.

    Where a sentence has ended, that is the next one's `<S>`, with the state carried or emptied as the model was
    trained. `</S>` itself is never read: no training fed it.
    """
    if SENTENCE_END not in words:
        return state, words
    ended = [word == SENTENCE_END for word in words]
    if not model.files.carries:
        empty = model.start(len(words))
        state = tuple(np.where(np.array(ended)[:, None], new, old) for new, old in zip(empty, state, strict=True))
    return state, [SENTENCE_START if end else word for word, end in zip(words, ended, strict=True)]


def follow(model: LanguageModel, state: State, words: Sequence[str]) -> State:
    """The state after each row's text has one more word; see `to_read`."""
    return model.advance(*to_read(model, state, words))


@dataclass(frozen=True)
class Context:
    """A text that was read: its words, from `<S>` on, and the memory of one row after them."""

    words: tuple[str, ...]
    state: State


def read(model: LanguageModel, words: Sequence[str]) -> Context:
    """Begin a sentence and read words; after a `</S>` among them, the next sentence."""
    [context] = read_all(model, [words])
    return context


@dataclass(eq=False)
class Unread:
    """A text that is being read."""

    words: Sequence[str]
    """Those to read, in order."""
    state: State
    """The memory before them, one row; once they are read, that after them."""
    hidden: list[np.ndarray] | None = None
    """If a list is given, the top layer's h after each word is added to it, float32 [projection]."""
    place: int = 0
    """Of the word that comes next."""


class Reading:
    """Texts that are read side by side, a word of each at a time; others may join at any time."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.texts: list[Unread] = []
        """Those that have words left."""
        self._state: State = ()

    def add(self, texts: Sequence[Unread]) -> None:
        """Let texts join, each with a word to read at least."""
        states = [self._state] if self.texts else []
        self._state = tuple(map(np.concatenate, zip(*states, *(text.state for text in texts), strict=True)))
        self.texts += texts

    def step(self) -> list[Unread]:
        """Read one word of each. Returns the texts that are read; they leave, each with the memory after it."""
        self._state = follow(self._model, self._state, [text.words[text.place] for text in self.texts])
        if any(text.hidden is not None for text in self.texts):
            for text, hidden in zip(self.texts, self._model.hidden(self._state).copy(), strict=True):
                if text.hidden is not None:
                    text.hidden.append(hidden)
        for text in self.texts:
            text.place += 1
        read = [(row, text) for row, text in enumerate(self.texts) if text.place == len(text.words)]
        for row, text in read:
            text.state = take(self._state, [row])
        self.keep([text.place < len(text.words) for text in self.texts])
        return [text for _, text in read]

    def keep(self, wanted: Sequence[bool]) -> None:
        """Let all texts leave but those that are wanted."""
        if not all(wanted):
            self._state = take(self._state, [row for row, want in enumerate(wanted) if want])
            self.texts = [text for text, want in zip(self.texts, wanted, strict=True) if want]


def read_all(model: LanguageModel, texts: Sequence[Sequence[str]]) -> list[Context]:
    """Begin a sentence for each text and read them side by side; a text that has ended leaves the batch."""
    whole = [(SENTENCE_START, *words) for words in texts]
    reading, unread = Reading(model), [unread_text(model, words) for words in whole]
    reading.add(unread)
    while reading.texts:
        reading.step()
    return [Context(words, text.state) for words, text in zip(whole, unread, strict=True)]


def unread_text(model: LanguageModel, words: tuple[str, ...]) -> Unread:
    """A text to be read, but for sentences after which the memory would be emptied.

    Args:
      words: from `<S>` on.
    """
    return Unread(words if model.files.carries else _last_sentence(words), model.start())


def _last_sentence(words: tuple[str, ...]) -> tuple[str, ...]:
    """What is left to read where the state is emptied at each `</S>`."""
    ends = [place for place, word in enumerate(words) if word == SENTENCE_END]
    return (SENTENCE_START, *words[ends[-1] + 1 :]) if ends else words


def read_on(model: LanguageModel, context: Context, words: Sequence[str]) -> Context:
    """Read more words; the context given stays as it was."""
    state = context.state
    for word in words:
        state = follow(model, state, [word])
    return Context((*context.words, *words), state)
