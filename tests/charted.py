"""A model whose every word is written down: tests know what it does without asking it."""

from types import SimpleNamespace

import numpy as np

from lmgen.checkpoint.manifest import Defaults
from lmgen.text.vocabulary import MARKS, Vocabulary


class Charted:
    """A model of which each text's next words are written down; what they leave of 1 belongs to no word.

    Args:
      chart: probabilities by the text read, words with a space between and without the first `<S>`.
    """

    def __init__(self, chart):
        self.chart, self.texts, self.asked = chart, [], 0
        self.files = SimpleNamespace(carries=True, defaults=Defaults())
        self.vocabulary = Vocabulary(dict.fromkeys([*MARKS, *(word for after in chart.values() for word in after)]))

    def start(self, rows=1):
        return self._state([""] * rows)

    def advance(self, state, words):
        before = [self.texts[int(place)] for [place] in state[0]]
        pairs = zip(before, words, strict=True)
        return self._state([f"{text} {word}".removeprefix(" <S>").strip() for text, word in pairs])

    def hidden(self, state):
        return state[0]

    def logits_in_parts(self, hidden):
        self.asked += 1
        rows = np.zeros((len(hidden), len(self.vocabulary) + 1))
        for row, [place] in zip(rows, hidden, strict=True):
            for word, share in self.chart.get(self.texts[int(place)], {}).items():
                row[self.vocabulary.id(word)] = share
            row[-1] = 1 - row.sum()
        with np.errstate(divide="ignore"):
            yield np.log(rows).astype(np.float32)

    def logits(self, state):
        return next(self.logits_in_parts(self.hidden(state)))

    def _state(self, texts):
        """Memories that hold where their texts are."""
        self.texts += texts
        return (np.arange(len(self.texts) - len(texts), len(self.texts), dtype=np.float32)[:, None],)


def sure_of(text):
    """A model that writes this text: `a b </S> c`, `<S>` being read after each `</S>`."""
    chart, read = {}, []
    for word in text.split():
        chart[" ".join(read)] = {word: 1}
        read.append("<S>" if word == "</S>" else word)
    return Charted(chart)
