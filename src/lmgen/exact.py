"""A model whose choices are float32's at nearly the speed of int8."""

import numpy as np

from lmgen.converted import NORMS, ROUNDED, Converted
from lmgen.litert import Function, LiteRTModel
from lmgen.model import Reach, State
from lmgen.rows import SoftmaxRows
from lmgen.screening import Margins, candidates
from lmgen.store import ModelFiles


class ExactModel(LiteRTModel):
    """LSTMs in float32; the softmax in int8 where a few words are all that matters, else in float32."""

    def __init__(self, files: ModelFiles, converted: Converted, threads: int = 0, spelled_marks: bool = False) -> None:
        super().__init__(files, converted, threads, spelled_marks)
        folder = converted.vectors.parent
        self._rounded, self._norms = Function(folder / ROUNDED, threads), np.load(folder / NORMS)
        self._rows = SoftmaxRows(files.folder, self._rounded.width("h"))

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        return self._rows.all_logits(hidden)

    def screen(self, state: State) -> "Screen":
        return Screen(self, self.hidden(state))

    def near(self, hidden: np.ndarray) -> np.ndarray:
        """Logits by the int8 softmax."""
        return super().logits_of(hidden)

    def margins(self, hidden: np.ndarray) -> list[Margins]:
        """How far they can be from float32's, for each row."""
        rounded = self._rounded(h=hidden)["rounded"]
        return [Margins(self._norms, *both) for both in zip(hidden, rounded, strict=True)]

    def far(self, words: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Logits of some words in float32, after one hidden state."""
        return self._rows.logits(words, hidden)


class Screen:
    """Logits of texts, near at first, which are made float32's where a choice can depend on them."""

    def __init__(self, model: ExactModel, hidden: np.ndarray) -> None:
        self._model, self._hidden, self._margins = model, hidden, model.margins(hidden)
        self.logits = model.near(hidden)

    def settle(self, row: int, allowed: np.ndarray, reach: Reach) -> np.ndarray:
        """Make `logits[row]` float32's for all words in reach; returns those words, and maybe some more.

        Args:
          allowed: `logits[row]` with something added, or -inf, float32 [softmax rows].
        """
        words = candidates(allowed, self._margins[row], reach)
        self.logits[row, words] = self._model.far(words, self._hidden[row])
        return words
