"""The model's turn: it goes on from a text, which grows by what it writes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from lmgen.generation.events import Ended, Step, Word
from lmgen.model import LanguageModel, State
from lmgen.repl.draft import Draft, extend
from lmgen.text.vocabulary import SENTENCE_END

Events = Iterator[Step | Word | Ended]


class Turn:
    """What the model writes after a draft, noted as it comes: an interruption loses nothing.

    Where the draft's sentence is complete, the next one is begun.
    """

    def __init__(
        self, model: LanguageModel, draft: Draft, generate: Callable[[Draft], Events], sentences: int = 1
    ) -> None:
        self._model, self._length, self.base = model, len(draft.words), draft
        self._words: list[str] = []
        self._states: list[State] = []
        self._events = generate(draft)
        first = next(self._events)
        if first.text == SENTENCE_END and draft.words[-1] != SENTENCE_END and sentences == 1:
            self.base = extend(model, draft, [SENTENCE_END])
            self._events = generate(self.base)
        else:
            self._events = chain([first], self._events)

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
        """The text with what was written so far. A step tells the memory before its word; the last is read anew."""
        known = max(0, len(self._states) - 1)
        words = (*self.base.words, *self._words[:known])
        grown = Draft(words, (*self.base.states, *self._states[1 : len(self._words) + 1]))
        grown = extend(self._model, grown, self._words[known:])
        return replace(grown, written=len(grown.words) - self._length)
