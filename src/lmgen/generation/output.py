"""Events as text, JSON lines or tables."""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

import click

from lmgen.generation.events import Ended, Word
from lmgen.generation.options import Generation
from lmgen.generation.prompts import Prompt
from lmgen.text import SENTENCE_END, Detokenizer, cell, clean, detokenize

FORMATS = ("text", "jsonl", "tsv")
SURPRISAL_COLOURS = ((3, "cyan"), (6, "green"), (9, "yellow"), (12, "magenta"), (float("inf"), "red"))
"""Colours of words by their surprisal: each up to so many bits."""


def coloured(stream: IO) -> bool:
    """Whether colour belongs on a stream: on a terminal that can show it, unless NO_COLOR or FORCE_COLOR decide."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


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


class Desk:
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

    def skip(self) -> bool:
        """Turn to the next sample that has begun, if there is one; the others were never written."""
        self._turn = min(self._samples, default=self._laid)
        return bool(self._samples)


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


def write_text(events: Iterable[Word | Ended], desk: Desk, out: IO[str], style: Style) -> None:
    """Write continuations as text, a line each, in order.

    The first unfinished one is written as its words come; the others wait for their turn. When it is
    interrupted, what was made of each is written.
    """
    line: _Line | None = None

    def write_current(interrupted: bool = False) -> bool:
        """Whether the sample is now written whole."""
        nonlocal line
        sample = desk.current()
        whole = sample.end is not None or interrupted
        if whole or style.stream:
            line = line or _Line(sample, out, style)
            line.write_new()
        if whole:
            line.end()
            line = None
            desk.next()
        return whole

    _write_in_order(events, desk, write_current)


def _write_in_order(events: Iterable[Word | Ended], desk: Desk, write_current: Callable[..., bool]) -> None:
    """Write what can be written after every event, and after an interruption all that has begun."""
    try:
        for _ in desk.follow(events):
            while desk.current() and write_current():
                pass
    except KeyboardInterrupt:
        while desk.skip():
            write_current(interrupted=True)
        raise


class _Line:
    """A continuation on its way to a line of text."""

    def __init__(self, sample: Sample, out: IO[str], style: Style) -> None:
        self._sample, self._out, self._style = sample, out, style
        self._colour, self._written, self._empty = coloured(out), 0, True
        self._joiner, self._gap = Detokenizer(), ""
        prefix = "".join(map(self._join, sample.prompt.words))
        if style.echo and prefix:
            self._emit(prefix, dim=True)

    def write_new(self) -> None:
        """Write the words that came since the last call."""
        for word in self._sample.words[self._written :]:
            if self._style.alternatives:
                self._emit(_alternatives_row(word))
            elif word.text == SENTENCE_END and not self._style.raw:
                self._joiner, self._gap = Detokenizer(), " "
            else:
                self._emit(self._join(word.text), fg=_colour_of(word) if self._style.by_surprisal else None)
        self._written = len(self._sample.words)

    def end(self) -> None:
        self._out.write("\n")
        self._out.flush()

    def _join(self, word: str) -> str:
        """The word after what belongs between it and the one before."""
        piece = f" {word}" if self._style.raw else self._gap + self._joiner.add(word)
        self._gap = ""
        return piece

    def _emit(self, text: str, **look) -> None:
        text = text.lstrip(" ") if self._empty else text
        text = clean(text)
        self._out.write(click.style(text, **look) if self._colour and any(look.values()) else text)
        self._out.flush()
        self._empty = False


def _colour_of(word: Word) -> str:
    bits = -word.logprob / math.log(2)
    return next(colour for limit, colour in SURPRISAL_COLOURS if bits <= limit)


def _alternatives_row(word: Word) -> str:
    others = "  ".join(f"{text} {share:.1%}" for text, share in word.alternatives if text != word.text)
    return f"\n  {word.text:<16} {math.exp(word.logprob):>6.1%}   {others}"


def write_records(events: Iterable[Word | Ended], desk: Desk, out: IO[str], kind: str, logprobs: bool = False) -> None:
    """Write continuations as JSON lines or TSV, in order, each as soon as it and those before it are done.

    Fields: the prompt's own columns, then sample, seed, prefix, text (the continuation), words, logprob
    (ln, the sum over its words and its `</S>`), ended (`sentence`, `length`, `stop`, or `interrupted`), and with
    `logprobs`, in JSON, each word's logprob, entropy in bits if measured, and likeliest alternatives.
    """
    heading: list[str] = []

    def write_current(interrupted: bool = False) -> bool:
        sample = desk.current()
        if not (sample.end or interrupted):
            return False
        record = _record(sample)
        if kind == "jsonl":
            if logprobs:
                record["logprobs"] = [_logprob(word) for word in sample.words]
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            record["words"] = " ".join(record["words"])
            if not heading:
                heading.extend(record)
                out.write("\t".join(heading) + "\n")
            out.write("\t".join(cell(record.get(name, "")) for name in heading) + "\n")
        out.flush()
        desk.next()
        return True

    _write_in_order(events, desk, write_current)


def _record(sample: Sample) -> dict:
    prompt = sample.prompt
    start = detokenize(prompt.words)
    total = sum(word.logprob for word in sample.words) + (sample.end.logprob if sample.end else 0)
    return {
        **prompt.extra,
        "sample": sample.number,
        "seed": prompt.options.seed,
        "prefix": start,
        "text": _continuation(prompt.words, sample.texts),
        "words": sample.texts,
        "logprob": round(total, 6),
        "ended": sample.end.reason if sample.end else "interrupted",
    }


def _continuation(prefix: list[str], words: list[str]) -> str:
    """The continuation alone, as it looks after the prefix."""
    sentences = detokenize([*prefix, *words])[len(detokenize(prefix)) :]
    return sentences.replace(f" {SENTENCE_END}", "").lstrip()


def _logprob(word: Word) -> dict:
    told = {"word": word.text, "logprob": round(word.logprob, 6)}
    if word.entropy is not None:
        told["entropy"] = round(word.entropy, 6)
    if word.alternatives:
        told["alternatives"] = {text: round(share, 6) for text, share in word.alternatives}
    return told
