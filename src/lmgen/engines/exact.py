"""A model whose choices are float32's at nearly the speed of int8."""

from collections.abc import Iterator

import numpy as np

from lmgen.engines.litert import Function, LiteRTModel
from lmgen.engines.litert_files import NORMS, ROUNDED, Converted
from lmgen.engines.rows import SoftmaxRows
from lmgen.engines.screening import Margins, candidates
from lmgen.model import Reach, State
from lmgen.store.library import ModelFiles


class ExactModel(LiteRTModel):
    """LSTMs in float32; the softmax in int8 where a few words are all that matters, else in float32."""

    def __init__(self, files: ModelFiles, converted: Converted, threads: int = 0, spelled_marks: bool = False) -> None:
        super().__init__(files, converted, threads, spelled_marks)
        folder = converted.vectors.parent
        self._rounded, self._norms = Function(folder / ROUNDED, threads), np.load(folder / NORMS)
        self._rows = SoftmaxRows(files.folder, self._rounded.width("h"))

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        return self._rows.all_logits(hidden)

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        yield self.logits_of(hidden)

    def screen(self, state: State) -> list["Screen"]:
        hidden = self.hidden(state)
        return [Screen(self, *row) for row in zip(self.near(hidden), hidden, self.margins(hidden), strict=True)]

    def near(self, hidden: np.ndarray) -> np.ndarray:
        """Logits by the int8 softmax."""
        return np.concatenate(list(super().logits_in_parts(hidden)), 1)

    def margins(self, hidden: np.ndarray) -> list[Margins]:
        """How far they can be from float32's, for each row."""
        rounded = self._rounded(h=hidden)["rounded"]
        return [Margins(self._norms, *both) for both in zip(hidden, rounded, strict=True)]

    def far(self, words: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Logits of some words in float32, after one hidden state."""
        return self._rows.logits(words, hidden)


class Screen:
    """Logits of one text in int8, and in float32 where they are settled."""

    def __init__(self, model: ExactModel, near: np.ndarray, hidden: np.ndarray, margins: Margins) -> None:
        self._model, self._hidden, self._margins = model, hidden, margins
        self.logits = near

    def settle(self, words: np.ndarray) -> None:
        self.logits[words] = self._model.far(words, self._hidden)

    def in_reach(self, allowed: np.ndarray, reach: Reach) -> np.ndarray:
        return candidates(allowed, self._margins, reach)

    def ceiling(self, allowed: np.ndarray) -> np.ndarray:
        return self._margins.ceiling(allowed)
