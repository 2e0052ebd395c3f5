"""Events as text, JSON lines or tables."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from lmgen.generation.events import Ended, Word
from lmgen.generation.options import Generation
from lmgen.generation.prompts import Prompt
from lmgen.text import SENTENCE_END, Detokenizer, Row, begin_rows, clean, detokenize_sentences, joined

FORMATS = ("text", "jsonl", "tsv")
RECORD = ("sample", "seed", "prefix", "text", "words", "logprob", "ended")
"""Columns of a sample."""
SURPRISAL_COLOURS = ((3, "cyan"), (6, "green"), (9, "yellow"), (12, "magenta"), (float("inf"), "red"))
"""Colours of words by their surprisal: each up to so many bits."""


@dataclass
class Sample:
    """A continuation as it grows."""

    prompt: Prompt
    number: int
    words: list[Word] = field(default_factory=list)
    end: Ended | None = None

    @property
    def texts(self) -> list[str]:
        """Its words."""
        return [word.text for word in self.words]


class SampleQueue:
    """Continuations in the making, in the order in which they will be written.

    Only those that have begun, and their prompts, are kept: files and samples may be any number.
    """

    def __init__(self) -> None:
        self._prompts: dict[int, tuple[int, Prompt]] = {}
        self._samples: dict[int, Sample] = {}
        self._laid = self._turn = 0

    def lay(self, prompts: Iterable[Prompt]) -> Iterator[tuple[list[str], Generation]]:
        """Pass prompts on to the generator, and make place for their samples."""
        for number, prompt in enumerate(prompts):
            self._prompts[number] = (self._laid, prompt)
            self._laid += prompt.options.samples
            yield prompt.words, prompt.options

    def follow(self, events: Iterable[Word | Ended]) -> Iterator[Word | Ended]:
        """Pass events on; each makes its sample grow."""
        for event in events:
            first, prompt = self._prompts[event.prompt]
            place = first + event.sample
            if place not in self._samples:
                self._samples[place] = Sample(prompt, event.sample)
            if isinstance(event, Word):
                self._samples[place].words.append(event)
            else:
                self._samples[place].end = event
            yield event

    def current(self) -> Sample | None:
        """The sample that is to be written next, if it has begun."""
        return self._samples.get(self._turn)

    def next(self) -> None:
        """The current sample is written; forget it, and its prompt with the last one."""
        del self._samples[self._turn]
        self._turn += 1
        number, (first, prompt) = next(iter(self._prompts.items()))
        if self._turn == first + prompt.options.samples:
            del self._prompts[number]

    def skip(self) -> Sample | None:
        """Turn to the next sample that has begun, if there is one; the others were never written."""
        self._turn = min(self._samples, default=self._laid)
        return self.current()


@dataclass(frozen=True)
class Style:
    """How text is written."""

    echo: bool = True
    """The prefix comes first."""
    raw: bool = False
    """Words are joined by spaces, as the model has them."""
    stream: bool = True
    """Words are written as they come."""
    by_surprisal: bool = False
    """Words are coloured by their surprisal."""
    alternatives: bool = False
    """Each word is on a line of its own, with what it might have been."""
    paint: Callable[..., str] | None = None
    """Gives a text a look, such as fg="red" or dim=True; None where nothing is coloured."""


class Writer(Protocol):
    """Writes the samples of a queue in their order, in some format."""

    def write(self, sample: Sample, whole: bool) -> bool:
        """Write what can be written of a sample, `whole` or still growing. Returns whether all of it is written."""


def write_samples(events: Iterable[Word | Ended], queue: SampleQueue, writer: Writer) -> None:
    """Write continuations in order as their words come; after an interruption, all that has begun."""
    try:
        for _ in queue.follow(events):
            while (sample := queue.current()) and writer.write(sample, sample.end is not None):
                queue.next()
    except KeyboardInterrupt:
        while (sample := queue.skip()) is not None:
            writer.write(sample, whole=True)
            queue.next()
        raise


class TextWriter:
    """A line of text for each sample; the words of the first unfinished one are written as they come."""

    def __init__(self, out: IO[str], style: Style) -> None:
        self._out, self._style = out, style
        self._line: _Line | None = None

    def write(self, sample: Sample, whole: bool) -> bool:
        """See `Writer`."""
        if whole or self._style.stream:
            self._line = self._line or _Line(sample, self._out, self._style)
            self._line.write_new()
        if whole and self._line:
            self._line.end()
            self._line = None
        return whole


class _Line:
    """A continuation on its way to a line of text."""

    def __init__(self, sample: Sample, out: IO[str], style: Style) -> None:
        self._sample, self._out, self._style = sample, out, style
        self._written, self._empty = 0, True
        self._joiner, self._gap = Detokenizer(), ""
        prefix = "".join(map(self._joined, sample.prompt.words))
        if style.echo and prefix:
            self._emit(prefix if style.raw else sample.prompt.shown, dim=True)

    def write_new(self) -> None:
        """Write the words that came since the last call."""
        for word in self._sample.words[self._written :]:
            if self._style.alternatives:
                self._emit(_alternatives_row(word))
            else:
                self._emit(self._joined(word.text), fg=_colour_of(word) if self._style.by_surprisal else None)
        self._written = len(self._sample.words)

    def end(self) -> None:
        self._out.write("\n")
        self._out.flush()

    def _joined(self, word: str) -> str:
        """The word after what belongs between it and the one before; nothing for `</S>`, but with `raw`."""
        if self._style.raw:
            return f" {word}"
        if word == SENTENCE_END:
            self._joiner, self._gap = Detokenizer(), " "
            return ""
        piece, self._gap = self._gap + self._joiner.add(word), ""
        return piece

    def _emit(self, text: str, **look: Any) -> None:
        text = clean(text.lstrip(" ") if self._empty else text)
        paint = self._style.paint if any(look.values()) else None
        self._out.write(paint(text, **look) if paint else text)
        self._out.flush()
        self._empty = False


def _colour_of(word: Word) -> str:
    bits = -word.logprob / math.log(2)
    return next(colour for limit, colour in SURPRISAL_COLOURS if bits <= limit)


def _alternatives_row(word: Word) -> str:
    others = "  ".join(f"{text} {share:.1%}" for text, share in word.alternatives if text != word.text)
    return f"\n  {word.text:<16} {math.exp(word.logprob):>6.1%}   {others}"


class RecordWriter:
    """A JSON object or a row of TSV for each sample, as soon as it and those before it are complete.

    Fields: the prompt's own columns, then RECORD: sample, seed, prefix, text (the continuation), words, logprob
    (ln, the sum over its words and its `</S>`), ended (`sentence`, `length`, `stop`, or `interrupted`), and with
    `logprobs`, in JSON, each word's logprob, entropy in bits if measured, and most likely alternatives.
    """

    def __init__(self, out: IO[str], kind: str, logprobs: bool = False) -> None:
        self._out, self._kind, self._logprobs = out, kind, logprobs
        self._write_row: Callable[[Row], object] | None = None

    def write(self, sample: Sample, whole: bool) -> bool:
        """See `Writer`."""
        if whole:
            row = joined(sample.prompt.extra, self._fields(sample))
            self._write_row = self._write_row or begin_rows(list(row), self._out, self._kind, row)
            self._write_row(row)
            self._out.flush()
        return whole

    def _fields(self, sample: Sample) -> Row:
        fields = _record(sample)
        if self._kind == "tsv":
            return {**fields, "words": " ".join(sample.texts)}
        return {**fields, "logprobs": list(map(_logprob, sample.words))} if self._logprobs else fields


def _record(sample: Sample) -> Row:
    prompt = sample.prompt
    total = sum(word.logprob for word in sample.words) + (sample.end.logprob if sample.end else 0)
    values = (
        sample.number,
        prompt.options.seed,
        prompt.shown,
        continuation(prompt.words, sample.texts).lstrip(),
        sample.texts,
        round(total, 6),
        sample.end.reason if sample.end else "interrupted",
    )
    return dict(zip(RECORD, values, strict=True))


def continuation(prefix: Sequence[str], words: Sequence[str]) -> str:
    """The continuation alone, as it looks after the prefix: with a space before it where one belongs."""
    return detokenize_sentences([*prefix, *words])[len(detokenize_sentences(prefix)) :]


def _logprob(word: Word) -> dict[str, Any]:
    row: dict[str, Any] = {"word": word.text, "logprob": round(word.logprob, 6)}
    if word.entropy is not None:
        row["entropy"] = round(word.entropy, 6)
    if word.alternatives:
        row["alternatives"] = {text: round(share, 6) for text, share in word.alternatives}
    return row
