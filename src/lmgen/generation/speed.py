"""Speed and measures of a generation, counted as its words pass by."""

import math
import time
from collections.abc import Iterable, Iterator

from lmgen.generation.events import Ended, Word


class Statistics:
    """Counts events; `began` is when the work started, by time.monotonic()."""

    def __init__(self, began: float) -> None:
        self._began, self._last = began, began
        self._first: float | None = None
        self._words: list[Word] = []

    def count(self, events: Iterable[Word | Ended]) -> Iterator[Word | Ended]:
        """Pass events on."""
        for event in events:
            self._last = time.monotonic()
            if isinstance(event, Word):
                self._first = self._first or self._last
                self._words.append(event)
            yield event

    def rows(self) -> list[tuple[str, str]]:
        """Names and values, for people."""
        words = self._words
        rows = [("words", f"{len(words)}"), ("words/s", f"{len(words) / max(self._last - self._began, 1e-9):.1f}")]
        if words:
            rows.append(("seconds to the first word", f"{(self._first or self._last) - self._began:.3f}"))
            rows.append(("surprisal, bits", _mean(-word.logprob / math.log(2) for word in words)))
            rows.append(("entropy, bits", _mean(word.entropy for word in words)))
            rows.append(("masked share", _mean(word.masked for word in words)))
        return rows


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.4f}" if known else "not measured"
