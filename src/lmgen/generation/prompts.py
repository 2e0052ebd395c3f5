"""Prefixes to continue, read from text, JSON lines, CSV or TSV."""

import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from lmgen.errors import UsageError
from lmgen.generation.options import Generation, changed, given, split_options
from lmgen.text import InputFormat, detokenize_sentences, read_records

Item = TypeVar("Item")
AHEAD = 64
"""Items that wait to be taken, at most."""
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


class Arriving(Iterator[Item], Generic[Item]):
    """An iterator that can say whether its next item would have to be waited for: a thread of its own takes them.

    The thread ends with the program, even while it waits.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._queue: queue.Queue[tuple[Item] | BaseException] = queue.Queue(AHEAD)
        self._end: BaseException | None = None
        threading.Thread(target=self._take, args=(items,), name="lmgen-arriving", daemon=True).start()

    def _take(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                self._queue.put((item,))
            self._queue.put(StopIteration())
        except BaseException as error:  # noqa: BLE001 (raised again by `__next__`)
            self._queue.put(error)

    def ready(self) -> bool:
        """Whether the next item, or the end, is there."""
        return self._end is not None or not self._queue.empty()

    def __next__(self) -> Item:
        found = self._end or self._queue.get()
        if isinstance(found, BaseException):
            self._end = found
            raise found
        return found[0]
