"""What a worker does with the sentences of a shard."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from lmgen.checkpoint import ModelFiles
from lmgen.embeddings import Embedded, embed_sentences
from lmgen.engines import EngineOptions, load
from lmgen.export import convert_if_better
from lmgen.model import LanguageModel
from lmgen.scoring import Scored, Scoring, Sentence, Writer, predicted, score_sentences, sums_of


class Job(Protocol):
    """What is done with sentences; another process gets it pickled."""

    def __call__(self, model: LanguageModel, sentences: Sequence[Sentence]) -> Any:
        """Do it, and return what can be pickled too."""


@dataclass(frozen=True)
class Part:
    """What was made of a shard by `ScoreTexts`."""

    text: str
    """Rows, under a heading."""
    sums: Sequence[tuple[float, int, int, float]]
    """What `sums_of` says of each sentence."""


@dataclass(frozen=True)
class ScoreTexts:
    """Score sentences and write rows of them."""

    scoring: Scoring
    write: Writer
    """Writes them, with their heading."""

    def __call__(self, model: LanguageModel, sentences: Sequence[Sentence]) -> Part:
        """Rows and sums."""
        out, sums = io.StringIO(), list[tuple[float, int, int, float]]()

        def counted() -> Iterator[Scored]:
            for scored in score_sentences(model, sentences, self.scoring):
                sums.append(sums_of(scored))
                yield scored

        self.write(counted(), model.vocabulary, out)
        return Part(out.getvalue(), sums)


@dataclass(frozen=True)
class Predict:
    """The whole distribution at each token."""

    scoring: Scoring

    def __call__(self, model: LanguageModel, sentences: Sequence[Sentence]) -> list[list[np.ndarray]]:
        """Of each sentence what `predicted` yields."""
        return [list(predicted(model, sentence, self.scoring)) for sentence in sentences]


@dataclass(frozen=True)
class Embed:
    """Vectors of sentences; the fields are those of `embed_sentences`."""

    layer: int | None
    rows: int

    def __call__(self, model: LanguageModel, sentences: Sequence[Sentence]) -> list[Embedded]:
        """Each sentence with its vectors."""
        return list(embed_sentences(model, sentences, self.layer, self.rows))


AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(frozen=True)
class Task(Generic[AnyJob]):
    """A job, and the model that it is done with."""

    job: AnyJob
    files: ModelFiles
    engine: EngineOptions

    def __call__(self, sentences: Sequence[Sentence]) -> Any:
        """Do the job in this process; the model is loaded once."""
        return self.job(_opened(self.files, self.engine), sentences)


@lru_cache(1)
def _opened(files: ModelFiles, engine: EngineOptions) -> LanguageModel:
    return load(files, engine, convert_if_better)
