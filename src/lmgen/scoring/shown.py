"""Surprisals as coloured text."""

import math
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from lmgen.display import ShownList, escaped, note, table
from lmgen.scoring.formats import BASES, UNITS
from lmgen.text import SENTENCE_END, Row

DEEPEST_BITS = 20.0
"""Surprisal from which on the colour stays the same."""
COLOUR, STRONGEST = "230, 90, 20", 0.7
"""Red, green and blue behind a word, and how opaque it is at most."""
AS_NUMBERS = ("sentence_id", "token", "word", "region", "surprisal", "rank", "entropy", "entropy_reduction", "oov")
"""Columns that the prompt shows."""


class Surprisals(ShownList[Row]):
    """Rows of `lmgen surprisal`, as coloured text in a notebook: the stronger the colour, the less expected the word."""

    def __init__(self, rows: Iterable[Row] = (), base: str = "2", index: str | None = None) -> None:
        """`base`: of BASES, in whose unit surprisal and entropy are; `index`: the column that is a DataFrame's index."""
        super().__init__(rows)
        self.base, self.index_column = base, index

    def rows(self) -> Iterator[Row]:
        return iter(self)

    def to_pandas(self) -> Any:
        """All rows as a pandas.DataFrame, with the index of the one that the texts came in."""
        frame = super().to_pandas()
        return frame.set_index(self.index_column) if self.index_column in frame.columns else frame

    def html(self, most: int | None = None) -> str:
        if self and not isinstance(self[0].get("surprisal"), float):  # it was not asked for
            cells = ("".join(f"<td>{escaped(str(value))}</td>" for value in row.values()) for row in islice(self, most))
            return f"{table(self[0], (f'<tr>{line}</tr>' for line in cells))}{note(self._rest(most))}"
        sentences = groupby(islice(self, most), lambda row: row.get("sentence_id"))
        lines = ("<div>" + " ".join(map(self._word, rows)) + "</div>" for _, rows in sentences)
        return f"{''.join(lines)}{note(self._legend())}{note(self._rest(most))}"

    def _short_rows(self) -> Iterator[Row]:
        for row in super()._short_rows():
            yield {name: row[name] for name in AS_NUMBERS if name in row} or row

    def _word(self, row: Row) -> str:
        """A word with its colour, and its numbers where the mouse rests on it."""
        text = next((row[name] for name in ("token", "word", "region") if name in row), "")
        depth = min(1.0, max(0.0, row["surprisal"] / self._deepest)) * STRONGEST
        style = f"background-color: rgba({COLOUR}, {depth:.2f}); border-radius: 0.2em; padding: 0 0.15em"
        if text == SENTENCE_END:
            style += "; opacity: 0.6"
        return f'<span style="{style}" title="{escaped(self._numbers(row))}">{escaped(text)}</span>'

    def _numbers(self, row: Row) -> str:
        unit = UNITS[self.base]
        parts = [f"surprisal {row['surprisal']:.2f} {unit}"]
        if "rank" in row:
            parts.append(f"rank {row['rank']:,}")
        if "entropy" in row:
            parts.append(f"entropy {row['entropy']:.2f} {unit}")
        return ", ".join([*parts, "outside the vocabulary"] if row.get("oov") else parts)

    def _legend(self) -> str:
        if not self:
            return "no words"
        mean = sum(row["surprisal"] for row in self) / len(self)
        unit = UNITS[self.base]
        return f"{len(self):,} rows, {mean:.2f} {unit} on average; the colour grows up to {self._deepest:.3g} {unit}"

    @property
    def _deepest(self) -> float:
        """DEEPEST_BITS in the unit of the base."""
        return DEEPEST_BITS * math.log(2) / BASES[self.base]
