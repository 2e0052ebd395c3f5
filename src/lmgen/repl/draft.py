"""A text in the making, and what it was before: values, so that undoing costs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmgen.generation.samplers import log_total
from lmgen.model import Context, LanguageModel, State
from lmgen.text.tokenizer import detokenize_sentences
from lmgen.text.vocabulary import SENTENCE_END, SENTENCE_START

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
        """What to go on from."""
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
        states.append(model.advance(states[-1], [SENTENCE_START if word == SENTENCE_END else word]))
    return Draft((*draft.words, *words), tuple(states))


def reread(model: LanguageModel, draft: Draft) -> Draft:
    """The same text, read by another model."""
    return extend(model, begin(model), draft.words[1:])


def logprobs(model: LanguageModel, draft: Draft) -> np.ndarray:
    """Ln of the probability of each word after `<S>`, given those before: float64 [words - 1].

    Where a word is not in the vocabulary it is that of `<UNK>`.
    """
    ids = [model.vocabulary.id(word) for word in draft.words[1:]]
    found = [np.zeros(0)]
    for start in range(0, len(ids), BLOCK):
        rows = slice(start, start + BLOCK)
        state = tuple(np.concatenate(layer) for layer in zip(*draft.states[:-1][rows], strict=True))
        logits = model.logits(state)
        found.append(logits[np.arange(len(logits)), ids[rows]] - log_total(logits)[:, 0])
    return np.concatenate(found)


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
