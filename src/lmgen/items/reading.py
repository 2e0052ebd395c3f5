"""Items to choose in, read from tables: BLiMP's, lists of choices with a label, columns of any name."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmgen.errors import MissingError, UsageError
from lmgen.items.choices import Item
from lmgen.scoring import with_file
from lmgen.text import TABLES, InputFormat, Record, kind_of, read_records

BLIMP = ("sentence_good", "sentence_bad")
"""Columns of the Benchmark of Linguistic Minimal Pairs (Warstadt et al. 2020); the first is right."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Where the sentences of an item are in its record, and which of them is right."""

    columns: Sequence[str] = BLIMP
    """Of the sentences, one each; the first is right, unless `answer` or `label` says otherwise."""
    choices: str | None = None
    """Column of a list of sentences, or of {"text": […], "label": […]}, instead; JSON in a cell of a table."""
    answer: str | None = None
    """Column of the right one: its column's or label's name, its number from 1, or its text."""
    label: str | None = None
    """Column of the place of the right one, from 0."""
    prefix: str | None = None
    """Column of a text that is read before each sentence, and is not scored."""
    split: Callable[[str], list[str]] = str.split
    """What makes words of a text."""

    def __post_init__(self) -> None:
        if not self.choices and len(set(self.columns)) < 2:
            raise UsageError("--candidates takes two columns or more, with commas")
        if self.answer and self.label:
            raise UsageError("give --answer or --label, not both: each says which sentence is right")

    @property
    def texts(self) -> list[str]:
        """Columns that must hold texts."""
        return [*([] if self.choices else self.columns), *([self.prefix] if self.prefix else [])]

    def item(self, record: Record) -> Item:
        """The item of a record. Raises UsageError, without its place."""
        names, texts = self._sentences(record)
        told = {*self.texts, self.choices, self.answer, self.label}
        extra = {key: value for key, value in record.items() if key not in told}
        prefix = self.split(record[self.prefix]) if self.prefix else []
        return Item(list(map(self.split, texts)), self._right(record, names, texts), extra, prefix)

    def _sentences(self, record: Record) -> tuple[Sequence[str], Sequence[str]]:
        """(names, texts) of the sentences; without names of their own they have none."""
        if not self.choices:
            return self.columns, [record[name] for name in self.columns]
        value = _listed(_value(record, self.choices))
        names, texts = (value.get("label", []), value.get("text")) if isinstance(value, dict) else ([], value)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"{self.choices!r} is not a list of texts")
        return list(map(str, names)), texts

    def _right(self, record: Record, names: Sequence[str], texts: Sequence[str]) -> int | None:
        if self.label:
            return _place(str(_value(record, self.label)).strip(), self.label, len(texts))
        if not self.answer:
            return None if self.choices else 0
        value = str(_value(record, self.answer)).strip()
        for spelled in (names, list(map(str, range(1, len(texts) + 1))), texts):
            if value in spelled:
                return list(spelled).index(value)
        known = ", ".join(names) or f"1 to {len(texts)}"
        raise UsageError(f"the answer {value!r} is none of {known}, nor a number of one")


def _value(record: Record, name: str) -> Any:
    if record.get(name) is None:
        raise UsageError(f"there is no column {name!r}, only {', '.join(record)}")
    return record[name]


def _listed(value: Any) -> Any:
    """A list, or the one that a cell of a table holds as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _place(value: str, column: str, count: int) -> int:
    if not value.isdecimal() or int(value) >= count:
        raise UsageError(f"the {column} is {value!r}, and must be a place from 0 to {count - 1}")
    return int(value)


def read_items(
    paths: Sequence[Path],
    candidates: Candidates,
    form: InputFormat = InputFormat(),  # noqa: B008 (it stops at the first fault, and counts none)
) -> Iterator[Item]:
    """The items of tables; of several files each gets the column FILE_COLUMN. What is no item is one of `form.faults`."""
    for path in paths:
        for record, place in read_records(path, candidates.texts, form):
            try:
                item = candidates.item(record)
            except UsageError as error:
                form.faults.met(UsageError(f"{place}: {error}"))
            else:
                yield replace(item, extra=with_file(item.extra, path, paths))


def item_files(given: Sequence[Path], first: str = "") -> list[Path]:
    """Files as they are, and those of folders, and of folders within, that hold tables, by name.

    Args:
      first: a suffix; a folder with files of this one has them alone.

    Raises MissingError for a folder without any.
    """
    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(filter(Path.is_file, path.rglob("*")))
        some = [one for one in inside if first and one.name.lower().removesuffix(".gz").endswith(first)]
        some = some or [one for one in inside if kind_of(one) in TABLES]
        if not some:
            raise MissingError(f"{path} holds no {first + ', ' if first else ''}.jsonl, .csv, .tsv or .parquet")
        found += some
    return found
