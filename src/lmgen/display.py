"""Results that show themselves: as HTML in a notebook, as text at the prompt.

Styles are inline and colours lie translucently behind text of the page's own colour, so that dark pages are read as well
as light ones, and pages that drop styles still show the words.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from copy import copy
from html import escape
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Generic, SupportsIndex, TypeVar

from lmgen.errors import UnsupportedError
from lmgen.text import Row, clean, visible, whole_file, write_rows

IN_NOTEBOOK, AT_PROMPT = 1000, 60
"""Entries that are shown there at most; `to_html` and `to_pandas` have all."""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>lmgen</title>
<style>:root { color-scheme: light dark }</style>
<body style="font-family: sans-serif; margin: 2em; line-height: 1.6">
"""
QUIET = "font-size: 85%; opacity: 0.7"
"""Style of notes."""

T = TypeVar("T")


class Shown(ABC):
    """A result that a notebook shows as HTML, and the prompt as an aligned table."""

    @abstractmethod
    def html(self, most: int | None = None) -> str:
        """A piece of HTML with the first `most` entries, None for all."""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Each entry as a row of a table."""

    @abstractmethod
    def _count(self) -> int:
        """How many entries there are."""

    def _repr_html_(self) -> str:
        return self.html(IN_NOTEBOOK)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        out = io.StringIO()
        write_rows(({name: _rounded(value) for name, value in row.items()} for row in self._short_rows()), out, "table")
        return visible(out.getvalue() + self._rest(AT_PROMPT)).rstrip("\n") or "(nothing)"

    def _short_rows(self) -> Iterator[Row]:
        return islice(self.rows(), AT_PROMPT)

    def _rest(self, most: int | None) -> str:
        """What is said of entries that are not shown."""
        left = self._count() - most if most is not None else 0
        return f"… {left:,} more: .to_html(path) and .to_pandas() have all" if left > 0 else ""

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write all of it as a page, which appears whole. Raises MissingError if it cannot be written."""
        with whole_file(Path(path)) as partial:
            partial.write_text(f"{PAGE}{self.html()}\n", "utf-8")

    def to_pandas(self) -> Any:
        """All of it as a pandas.DataFrame, a row for each entry. Raises UnsupportedError without pandas."""
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise UnsupportedError("to_pandas needs pandas: pip install pandas") from error
        return pandas.DataFrame.from_records(list(self.rows()))


class ShownList(Shown, list[T], Generic[T]):
    """A list that shows itself; a slice does, too."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        if not isinstance(place, slice):
            return super().__getitem__(place)
        part = copy(self)
        part[:] = super().__getitem__(place)
        return part

    def _count(self) -> int:
        return len(self)


class Samples(ShownList[str]):
    """Texts that a model wrote."""

    def rows(self) -> Iterator[Row]:
        for number, text in enumerate(self, 1):
            yield {"sample": number, "text": text}

    def html(self, most: int | None = None) -> str:
        texts = "".join(f"<li>{escaped(text)}</li>" for text in islice(self, most))
        return f"<ol>{texts}</ol>{note(self._rest(most))}"


def escaped(text: str) -> str:
    """Text as HTML shows it."""
    return escape(clean(text))


def note(text: str) -> str:
    """A small line; nothing of an empty text."""
    return f'<div style="{QUIET}">{escaped(text)}</div>' if text else ""


def table(names: Iterable[str], lines: Iterable[str]) -> str:
    """A table of lines that are HTML cells already."""
    heading = "".join(f'<th style="text-align: left">{escaped(name)}</th>' for name in names)
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
