"""A text in the making, and what it was before: values, so that undoing costs nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from lmgen.generation import Ended, Step, Word
from lmgen.model import Context, LanguageModel, State, follow
from lmgen.softmax import log_total
from lmgen.text import SENTENCE_END, SENTENCE_START, detokenize_sentences

BLOCK = 32
"""Words whose distributions are computed at once."""


@dataclass(frozen=True, eq=False)
class Draft:
    """A text, with the model's memory after each of its words."""

    words: tuple[str, ...]
    """From `<S>` on; `</S>` where a sentence has ended and the next begins."""
    states: tuple[State, ...]
    """Of one row each; after `</S>` that of the next sentence's `<S>`."""
    written: int = 0
    """How many of its last words the model wrote in one go."""

    @property
    def context(self) -> Context:
        """What to continue."""
        return Context(self.words, self.states[-1])

    @property
    def text(self) -> str:
        """As one writes, sentence after sentence."""
        return detokenize_sentences(self.words[1:])

    def cut(self, length: int) -> "Draft":
        """Its first words, `<S>` counted. 1 <= length."""
        return Draft(self.words[:length], self.states[:length])


def begin(model: LanguageModel) -> Draft:
    """No text yet."""
    return Draft((SENTENCE_START,), (model.advance(model.start(), [SENTENCE_START]),))


def extend(model: LanguageModel, draft: Draft, words: Sequence[str]) -> Draft:
    """Read more words; `</S>` ends a sentence."""
    states = list(draft.states)
    for word in words:
        states.append(follow(model, states[-1], [word]))
    return Draft((*draft.words, *words), tuple(states))


def reread(model: LanguageModel, draft: Draft) -> Draft:
    """The same text, read by another model."""
    return extend(model, begin(model), draft.words[1:])


def logprobs(model: LanguageModel, draft: Draft) -> np.ndarray:
    """Natural logarithm of the probability of each word after `<S>`, given those before: float64 [words - 1].

    Where a word is not in the vocabulary it is that of `<UNK>`.
    """
    found = [np.zeros(0)]
    for start in range(1, len(draft.words), BLOCK):
        places = range(start, min(start + BLOCK, len(draft.words)))
        logits = predicted(model, draft, places)
        ids = [model.vocabulary.id(draft.words[place]) for place in places]
        found.append(logits[np.arange(len(ids)), ids] - log_total(logits)[:, 0])
    return np.concatenate(found)


def predicted(model: LanguageModel, draft: Draft, places: Sequence[int]) -> np.ndarray:
    """Logits of the words at these places, each after those before it: float32 [places, softmax rows].

    1 <= place <= words: the last is that of the word which comes next.
    """
    states = [draft.states[place - 1] for place in places]
    return model.logits(tuple(map(np.concatenate, zip(*states, strict=True))))


@dataclass(frozen=True)
class Timeline:
    """A draft, what it was before, and what was undone, the nearest last."""

    present: Draft
    past: tuple[Draft, ...] = ()
    future: tuple[Draft, ...] = ()

    def to(self, draft: Draft) -> "Timeline":
        """A change; what was undone can no longer be redone."""
        return Timeline(draft, (*self.past, self.present))

    def undo(self) -> "Timeline":
        """One change back. Raises IndexError where there is none."""
        return Timeline(self.past[-1], self.past[:-1], (*self.future, self.present))

    def redo(self) -> "Timeline":
        """One change forth. Raises IndexError where none was undone."""
        return Timeline(self.future[-1], (*self.past, self.present), self.future[:-1])


Events = Iterator[Step | Word | Ended]


class Continuation:
    """What the model writes after a draft, noted as it comes: an interruption loses nothing."""

    def __init__(self, model: LanguageModel, base: Draft, length: int, events: Events) -> None:
        """`events` continue `base`; `length` words were there before, of which an added `</S>` is none."""
        self._model, self.base, self._length, self._events = model, base, length, events
        self._words: list[str] = []
        self._states: list[State] = []

    @classmethod
    def begun(
        cls, model: LanguageModel, draft: Draft, generate: Callable[[Draft], Events], sentences: int = 1
    ) -> "Continuation":
        """Let the model write its first word; where it ends the draft's only sentence, the next one is begun."""
        events = generate(draft)
        first = next(events)
        ends = isinstance(first, Step) and first.text == SENTENCE_END
        if ends and draft.words[-1] != SENTENCE_END and sentences == 1:
            base = extend(model, draft, [SENTENCE_END])
            return cls(model, base, len(draft.words), generate(base))
        return cls(model, draft, len(draft.words), chain([first], events))

    def __iter__(self) -> Events:
        for event in self._events:
            if isinstance(event, Step):
                self._states.append(event.state)
            elif isinstance(event, Word):
                self._words.append(event.text)
            elif event.reason == "sentence":
                self._words.append(SENTENCE_END)
            yield event

    @property
    def draft(self) -> Draft:
        """The text with what was written so far. A step holds the memory before its word; the last word is read again."""
        known = max(0, len(self._states) - 1)
        words = (*self.base.words, *self._words[:known])
        grown = Draft(words, (*self.base.states, *self._states[1 : len(self._words) + 1]))
        grown = extend(self._model, grown, self._words[known:])
        return replace(grown, written=len(grown.words) - self._length)
