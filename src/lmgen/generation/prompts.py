"""Prefixes to continue, read from text, JSON lines, CSV or TSV."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmgen.errors import UsageError
from lmgen.generation.options import Generation, changed, given, split_options
from lmgen.text import InputFormat, detokenize_sentences, read_records

COLUMN = "prefix"
_LINE_END = re.compile(r"\s*[\r\n]\s*")


@dataclass(frozen=True)
class Prompt:
    """A prefix and how to continue it."""

    words: list[str]
    options: Generation
    extra: dict[str, Any] = field(default_factory=dict)
    """Columns of its own, passed through to the output."""
    text: str = ""
    """What the user wrote, of which the words were made."""

    @property
    def shown(self) -> str:
        """The prefix as the user wrote it, on one line, or as one writes its words."""
        return _LINE_END.sub(" ", self.text.strip()) or detokenize_sentences(self.words)


def read_prompts(
    path: Path,
    options: Generation,
    split: Callable[[str], list[str]],
    form: InputFormat = InputFormat(),  # noqa: B008 (immutable)
) -> Iterator[Prompt]:
    """The prompts of a file.

    JSON lines: objects with `prefix`; option names (`temperature`, `max_words`, …) set that prompt's
    options. CSV, TSV: a heading with the column `prefix`. Text: a prefix a line, an empty
    line begins a sentence. Other keys and columns are passed through.
    """
    for record, place in read_records(path, [COLUMN], form):
        try:
            prompt = _prompt(record, options, split, form.kind_of(path) == "jsonl")
        except UsageError as error:
            form.faults.met(UsageError(f"{place}: {error}"))
        else:
            yield prompt


def _prompt(record: dict[str, Any], options: Generation, split: Callable[[str], list[str]], typed: bool) -> Prompt:
    """What a record asks for; where its values have types, its keys can be options."""
    extra = {name: value for name, value in record.items() if name != COLUMN}
    changes, extra = split_options(extra) if typed else ({}, extra)
    return Prompt(split(record[COLUMN]), changed(options, given(changes)), extra, record[COLUMN])
