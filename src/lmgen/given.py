"""Texts as Python gives them: a string, a list, a generator, a pandas Series or DataFrame.

pandas is never imported here: what has its attributes is taken for its objects.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lmgen.errors import UsageError
from lmgen.text import Record, lines_of

Texts = str | Iterable[str]
"""Sentences: a text with one a line, or one after the other; a Series, or a DataFrame with a column of them."""
PREFIX = "prefix"


def is_pandas(texts: Any) -> bool:
    """Whether it is a Series or a DataFrame."""
    return hasattr(texts, "iloc") and hasattr(texts, "index")


def is_streamed(texts: Any) -> bool:
    """Whether it can be read only once, as a generator: then results come as they are made."""
    return isinstance(texts, Iterator)


def index_name(texts: Any) -> str | None:
    """How the index's values are named in rows; None where there is no index."""
    return str(texts.index.name or "index") if is_pandas(texts) else None


def records_of(texts: Texts, column: str, prefixes: Iterable[str] | None) -> Iterator[tuple[Record, str]]:
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
    names = list(map(str, texts.columns))
    if column not in names:
        raise UsageError(f"the table has no column {column!r}, only {', '.join(names)}: name one as column=")
    for values in texts.itertuples(index=False, name=None):
        yield dict(zip(names, values, strict=True))


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
