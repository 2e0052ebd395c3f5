"""Events as text, JSON lines or tables."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import click
from rich.console import Console

from lmgen.errors import MissingError
from lmgen.events import Ended, Word
from lmgen.tokenizer import Detokenizer, detokenize

FORMATS = ("text", "jsonl", "tsv")


def stderr_console() -> Console:
    """Where progress and notes for people go."""
    return Console(stderr=True, highlight=False)


def coloured(stream: IO) -> bool:
    """Whether colour belongs on a stream: on a terminal that can show it, unless NO_COLOR or FORCE_COLOR decide."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def open_output(path: str) -> Iterator[IO[str]]:
    """A file to write, or `-` for stdout. The file appears under its name at the end, whole.

    What was written before a Ctrl-C is kept; after any other failure nothing is.
    """
    if path == "-":
        yield sys.stdout
        return
    target = Path(path)
    try:
        partial = tempfile.NamedTemporaryFile(  # noqa: SIM115 (its name outlives it)
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        )
    except OSError as error:
        raise MissingError(f"cannot write {path}: {error.strerror}") from error
    try:
        with partial:
            yield partial
    except Exception:
        os.unlink(partial.name)
        raise
    except BaseException:
        os.replace(partial.name, target)
        raise
    os.replace(partial.name, target)


@dataclass
class Sample:
    """A continuation as it grows."""

    words: list[str] = field(default_factory=list)
    logprob: float = 0.0
    ended: str | None = None


def collect(samples: dict[int, Sample], events: Iterable[Word | Ended]) -> Iterator[Word | Ended]:
    """Pass events on and gather them by sample."""
    for event in events:
        sample = samples[event.sample]
        sample.logprob += event.logprob
        if isinstance(event, Word):
            sample.words.append(event.text)
        else:
            sample.ended = event.reason
        yield event


def write_text(events: Iterable[Word | Ended], prefix: list[str], count: int, out: IO[str]) -> None:
    """Write continuations as natural text, each after its prefix, a line each, in order.

    The first unfinished one is written as its words come; the others wait for their turn. When it is
    interrupted, what was made of each is written.
    """
    samples = {index: Sample() for index in range(count)}
    turn, line = 0, _Line(prefix, out)

    def next_line() -> None:
        nonlocal turn, line
        line.end()
        turn += 1
        if turn < count:
            line = _Line(prefix, out)
            line.write(*samples[turn].words)

    try:
        for event in collect(samples, events):
            if event.sample == turn and isinstance(event, Word):
                line.write(event.text)
            while turn < count and samples[turn].ended:
                next_line()
    except KeyboardInterrupt:
        while turn < count:
            next_line()
        raise


class _Line:
    """One line of text: a prefix, dim where colour belongs, then words."""

    def __init__(self, prefix: list[str], out: IO[str]) -> None:
        self._join, self._out = Detokenizer(), out
        text = "".join(self._join.add(word) for word in prefix)
        self._emit(click.style(text, dim=True) if text and coloured(out) else text)

    def write(self, *words: str) -> None:
        self._emit("".join(self._join.add(word) for word in words))

    def end(self) -> None:
        self._emit("\n")

    def _emit(self, text: str) -> None:
        self._out.write(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        self._out.flush()


def write_records(
    events: Iterable[Word | Ended], prefix: list[str], count: int, out: IO[str], kind: str, seed: int
) -> None:
    """Write continuations as JSON lines or TSV, in order, each as soon as it and those before it are done.

    Fields: sample, seed, prefix, text (the continuation), words, logprob (ln, the sum over its words and
    its `</S>`), ended (`sentence`, `length`, or `interrupted`).
    """
    samples = {index: Sample() for index in range(count)}
    turn = 0
    if kind == "tsv":
        out.write("sample\tseed\tprefix\ttext\twords\tlogprob\tended\n")
    try:
        for _ in collect(samples, events):
            while turn < count and samples[turn].ended:
                _write_record(turn, samples[turn], prefix, out, kind, seed)
                turn += 1
    except KeyboardInterrupt:
        for index in range(turn, count):
            _write_record(index, samples[index], prefix, out, kind, seed)
        raise


def _write_record(index: int, sample: Sample, prefix: list[str], out: IO[str], kind: str, seed: int) -> None:
    start = detokenize(prefix)
    record = {
        "sample": index,
        "seed": seed,
        "prefix": start,
        "text": detokenize([*prefix, *sample.words])[len(start) :].lstrip(),
        "words": sample.words,
        "logprob": round(sample.logprob, 6),
        "ended": sample.ended or "interrupted",
    }
    if kind == "jsonl":
        out.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        record["words"] = " ".join(sample.words)
        out.write("\t".join(str(value) for value in record.values()) + "\n")
    out.flush()
