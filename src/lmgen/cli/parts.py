"""Scores that are written: by this process, by several, or in several runs that continue each other."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import IO, Any

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.options import Destination
from lmgen.cli.scoring_options import ScoredTexts
from lmgen.cli.spread import Spread
from lmgen.engines import fingerprint
from lmgen.errors import LmgenError, UsageError
from lmgen.scoring import Evaluation, Sentence, score_sentences
from lmgen.text import MARKS, Vocabulary, open_rows
from lmgen.workers import DELIMITERS, FailedShardsError, Joiner, Part, Parts, ScoreTexts, Shard, Task


@dataclass(frozen=True, kw_only=True)
class Written(ScoredTexts):
    """Texts whose scores are written, and who does it."""

    to: Destination
    spread: Spread

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.in_parts:
            return
        if self.to.kind not in DELIMITERS:
            raise UsageError(f"--format {self.to.kind} is not written in parts: choose {', '.join(DELIMITERS)}")
        if self.spread.resume and self.to.output == "-":
            raise UsageError("--resume continues a file: give its name with -o")

    @property
    def in_parts(self) -> bool:
        """Whether the texts are cut, and what is made of each part is written by itself."""
        return self.spread.cuts or self.to.folder

    def write(self, files: ModelFiles, job: ScoreTexts, sentences: Iterable[Sentence], counted: Evaluation) -> None:
        """Score sentences and write the rows of a job; every sentence is counted."""
        if self.in_parts:
            self.check_cut(self.context_of(files))
            write = self._stream if self.to.output == "-" else self._keep
            for part in write(self.spread.task(job, self.model, files), sentences):
                counted.add_all(part.sums)
            return
        model = self.model.open(files)
        with open_rows(self.to.output) as out:
            scores = self.watch(self.to.output)(score_sentences(model, sentences, job.scoring))
            job.write(counted.count(scores), model.vocabulary, out)

    def _stream(self, task: Task[ScoreTexts], sentences: Iterable[Sentence]) -> Iterator[Part]:
        """Write rows as they come."""
        with open_rows(self.to.output) as out:
            yield from stream_parts(self.spread.each(task, sentences, self.watch(self.to.output)), task.job, out)

    def _keep(self, task: Task[ScoreTexts], sentences: Iterable[Sentence]) -> Iterator[Part]:
        """Write a folder of parts, and a file of them unless the folder is what was asked for."""
        folder = Path(self.to.output if self.to.folder else f"{self.to.output}.parts")
        parts = Parts(folder, self.to.kind, _facts(task), self.spread.resume)
        with _kept(parts):
            failed: FailedShardsError | None = None
            try:
                for _, part in self.spread.each(task, sentences, self.watch(self.to.output), parts.make):
                    yield part
            except FailedShardsError as error:
                failed = error
            parts.check_end()
            if not self.to.folder:
                self._join(parts, task.job, failed)
            if failed:
                raise failed
        if not self.to.folder:
            parts.remove()

    def _join(self, parts: Parts, job: ScoreTexts, failed: FailedShardsError | None) -> None:
        """Make one file of the parts; where some are missing, its name says that it is partial."""
        with open_rows(self.to.output) as out:
            parts.join(out, Joiner(self.to.kind, _heading(job)))
            if failed:
                raise failed


def stream_parts(found: Iterable[tuple[Shard, Part]], job: ScoreTexts, out: IO[str]) -> Iterator[Part]:
    """Write the rows of parts as they come, and pass the parts on."""
    join = Joiner(job.write.kind, _heading(job))
    for _, part in found:
        out.write(join(part.text))
        out.flush()
        yield part
    out.write(join.rest)


@contextmanager
def _kept(parts: Parts) -> Iterator[None]:
    """Say where the parts are of what ends before its time."""
    try:
        yield
    except (LmgenError, KeyboardInterrupt, SystemExit):
        if len(parts):
            click.echo(f"finished parts are in {parts.folder}: --resume continues from them", err=True)
        else:
            parts.remove()
        raise


def _heading(job: ScoreTexts) -> str:
    """What is written of no text at all."""
    out = StringIO()
    job.write([], Vocabulary(list(MARKS)), out)
    return out.getvalue()


def _facts(task: Task[ScoreTexts]) -> dict[str, Any]:
    """Whatever changes what a part holds, but for the texts."""
    made = {**asdict(task.job.scoring), **asdict(task.job.write)}
    model = {"model": fingerprint(task.files)[:16], "engine": task.engine.engine, "precision": task.engine.precision}
    return {"lmgen": version("lmgen"), **model, "spelled_marks": task.engine.spelled_marks, **made}
