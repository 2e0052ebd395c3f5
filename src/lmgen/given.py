"""Texts and items as Python gives them: a string, a list, a generator, a pandas Series or DataFrame.

pandas is never imported here: what has its attributes is taken for its objects.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, cast

from lmgen.errors import UsageError
from lmgen.items import Choices, Chosen, Item
from lmgen.scoring import COLUMN, Rows
from lmgen.text import Record, lines_of, own_name

if TYPE_CHECKING:
    import pandas


class Indexed(Protocol):
    """A Series or DataFrame of pandas, as far as lmgen knows it."""

    @property
    def iloc(self) -> Any:
        """Its values by their place."""

    @property
    def index(self) -> Any:
        """The names of its rows."""


Texts = str | Iterable[str]
"""Sentences: a text with one a line, or one after the other."""
Listed = Iterable[Sequence[str]]
"""Sentences to choose from, two or more of each item."""
CHOSEN = ("best", "scores", "log_ratio", "position", "parting", "correct")
"""Attributes of `Chosen` that are columns of a DataFrame."""
PREFIX = "prefix"


class RowOptions(TypedDict, total=False):
    """What rows of `LM.surprisal` hold, and where their texts come from."""

    columns: Sequence[str] | str
    """Some of `lmgen surprisal --columns`, or `all`."""
    punctuation: bool
    """Of words: tokens without a letter or digit at either end of a word are words by themselves."""
    lag: int
    """Rows back whose surprisal is given too."""
    top: int
    """The most likely words in place of each."""
    prefixes: Iterable[str] | None
    """A text for each of the texts, which is read before it and is not scored."""
    column: str
    """Of the texts in a DataFrame."""


def asked_rows(base: str, by: str, options: RowOptions) -> tuple[Rows, str, Iterable[str] | None]:
    """The rows wanted, the column of the texts in a DataFrame, and the prefixes. Raises UsageError for what there is not."""
    if unknown := options.keys() - RowOptions.__annotations__:
        raise UsageError(f"there is no option {min(unknown)!r}: choose from {', '.join(RowOptions.__annotations__)}")
    given: dict[str, Any] = dict(options)
    prefixes, column = given.pop("prefixes", None), given.pop("column", COLUMN)
    if isinstance(columns := given.get("columns"), str):
        given["columns"] = [name.strip() for name in columns.split(",")]
    return Rows(base, by, **given), column, prefixes


def is_pandas(texts: Any) -> bool:
    """Whether it is a Series or a DataFrame."""
    return hasattr(texts, "iloc") and hasattr(texts, "index")


def is_streamed(texts: Any) -> bool:
    """Whether it can be read only once, as a generator: then results come as they are made."""
    return isinstance(texts, Iterator)


def index_name(texts: Any) -> str | None:
    """How the index's values are named in rows; None where there is no index."""
    return str(texts.index.name or "index") if is_pandas(texts) else None


def records_of(texts: Texts | Indexed, column: str, prefixes: Iterable[str] | None) -> Iterator[tuple[Record, str]]:
    """Each text under `column`, beside the columns of its DataFrame and its index; and its place, for messages.

    Its prefix is under PREFIX. Raises UsageError where there are not as many prefixes as texts, and for a DataFrame
    without the column.
    """
    before = None if prefixes is None else iter([prefixes] if isinstance(prefixes, str) else prefixes)
    number = 0
    for number, record in enumerate(_records(texts, column), 1):
        place = f"text {number}"
        if before is not None:
            prefix = next(before, None)
            if prefix is None:
                raise UsageError(f"{place} has no prefix: give one for each text, '' for none")
            record[PREFIX] = prefix
        yield record, place
    if before is not None and next(before, None) is not None:
        raise UsageError(f"there are more prefixes than texts: give one for each of the {number}, '' for none")


def _records(texts: Any, column: str) -> Iterator[Record]:
    if isinstance(texts, str):
        yield from ({column: line} for line in lines_of(texts))
    elif not is_pandas(texts):
        if hasattr(texts, "columns"):
            raise UsageError("a table is not a list of texts: give one of its columns")
        yield from ({column: line} for line in texts)
    else:
        name = str(index_name(texts))
        for label, values in zip(texts.index, _values(texts, column), strict=True):
            yield {name: label, **values}


def _values(texts: Any, column: str) -> Iterator[Record]:
    if not hasattr(texts, "columns"):
        yield from ({column: value} for value in texts)
        return
    names = _names(texts, [column])
    for values in texts.itertuples(index=False, name=None):
        yield dict(zip(names, values, strict=True))


def _names(table: Any, needed: Iterable[str]) -> list[str]:
    """A DataFrame's columns. Raises UsageError if one that is needed is not among them."""
    names = list(map(str, table.columns))
    if missing := [name for name in needed if name not in names]:
        raise UsageError(f"the table has no column {missing[0]!r}, only {', '.join(names)}: give the name of one")
    return names


def indexed(values: Any, texts: Any, places: Sequence[int] | None = None) -> Any:
    """Results with the index of the Series or DataFrame that the texts came in; as they are for other texts.

    Args:
      values: [texts] makes a Series, [texts, numbers] a DataFrame.
      places: which of the texts they are of; None for all.
    """
    if not is_pandas(texts):
        return values
    pandas = sys.modules["pandas"]
    index = texts.index if places is None else texts.index[list(places)]
    return (pandas.Series if values.ndim == 1 else pandas.DataFrame)(values, index=index)


Given = Iterable[Any] | str | None
"""Something for each item, or the column that has it."""


@dataclass(frozen=True)
class Items:
    """Sentences to choose from, with what belongs to each item."""

    sentences: Listed | Indexed
    """Two or more of each item: lists, a Series of lists, or a DataFrame."""
    columns: Sequence[str]
    """Of the sentences, in a DataFrame."""
    answers: Given
    """The place of the right sentence of each item, from 0, None where it is not known. Without it the first column of a
    DataFrame is right."""
    prefixes: Given
    """A text that is read before each sentence of an item."""

    def read(self, split: Callable[[str], list[str]]) -> Iterator[Item]:
        """Each item. Raises UsageError where there are not as many of each, or a column is missing."""
        columns, sentences = self._columns(), list[Sequence[str]]()
        if columns:
            sentences = list(zip(*(columns[name] for name in self.columns), strict=True))
        elif not hasattr(self.sentences, "columns"):
            sentences = list(cast("Listed", self.sentences))
        count, answer = len(sentences), 0 if columns else None
        right, before = (
            _each(given, columns, [default] * count) for given, default in ((self.answers, answer), (self.prefixes, ""))
        )
        if not count == len(right) == len(before):
            raise UsageError(f"{count} items, {len(right)} answers and {len(before)} prefixes: give one to each item")
        for item, place, prefix in zip(sentences, right, before, strict=True):
            if isinstance(item, str):
                raise UsageError(f"an item is a list of sentences, not a text: {item!r}")
            known = place is not None and place == place  # noqa: PLR0124 (pandas has NaN for what is missing)
            yield Item(list(map(split, item)), int(place) if known else None, prefix=split(prefix))

    def _columns(self) -> dict[str, list[Any]]:
        """Those of a DataFrame that are needed."""
        table: Any = self.sentences
        if not hasattr(table, "columns"):
            return {}
        needed = [*self.columns, *(name for name in (self.answers, self.prefixes) if isinstance(name, str))]
        names = _names(table, needed)
        return {name: table.iloc[:, names.index(name)].tolist() for name in needed}

    def with_index(self, found: Iterable[Chosen]) -> "Choices | pandas.DataFrame":
        """What was chosen: of a Series or DataFrame, with its index and columns, and those of CHOSEN."""
        if not is_pandas(self.sentences):
            return Choices(found)
        pandas, given = sys.modules["pandas"], cast("Any", self.sentences)
        rows = [[getattr(one, name) for name in CHOSEN] for one in found]
        frame = pandas.DataFrame(
            rows, index=given.index, columns=[own_name(name, getattr(given, "columns", ())) for name in CHOSEN]
        )
        return pandas.concat([given, frame], axis=1) if hasattr(given, "columns") else frame


def _each(given: Given, columns: dict[str, list[Any]], default: list[Any]) -> list[Any]:
    """Something for each item."""
    if isinstance(given, str) and given not in columns:
        raise UsageError(f"{given!r} would be a column, and items have none: give a list")
    return default if given is None else list(columns[given] if isinstance(given, str) else given)
