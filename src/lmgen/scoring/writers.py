"""What writes scores, as values: other processes get them pickled, and a later run compares them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from lmgen.scoring.formats import SENTENCE_COLUMNS, sentence_rows, write_kenlm, write_srilm, write_zoo
from lmgen.scoring.rows import Rows, score_rows
from lmgen.scoring.score import Scored
from lmgen.text import Vocabulary, write_rows


@dataclass(frozen=True)
class RowWriter:
    """Writes the rows of `lmgen surprisal`."""

    rows: Rows
    kind: str

    def __call__(self, scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
        """Write them as they come."""
        write_rows(score_rows(scores, self.rows, vocabulary), out, self.kind, self.rows.names)


@dataclass(frozen=True)
class SentenceWriter:
    """Writes a row for every sentence."""

    base: str
    reduce: str
    kind: str

    def __call__(self, scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
        """Write them as they come."""
        write_rows(sentence_rows(scores, self.base, self.reduce), out, self.kind, SENTENCE_COLUMNS)


@dataclass(frozen=True)
class OtherWriter:
    """Writes what another program would."""

    kind: str
    """Of OTHERS."""
    name: str
    """Of the text, for those that write it."""

    def __call__(self, scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
        """Write it as scores come."""
        if self.kind == "lm-zoo":
            write_zoo(scores, vocabulary, out)
        elif self.kind == "kenlm":
            write_kenlm(scores, vocabulary, out)
        else:
            write_srilm(scores, self.name, out)


@dataclass(frozen=True)
class NoRows:
    """Writes nothing: only sums are wanted."""

    kind: str = ""

    def __call__(self, scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
        """Run through the scores."""
        for _ in scores:
            pass


OTHERS = ("lm-zoo", "kenlm", "srilm")
Writer = RowWriter | SentenceWriter | OtherWriter | NoRows
