"""What the commands that read a file of texts share: how it is written, and columns of the user's own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from lmgen.cli.options import group
from lmgen.errors import UsageError
from lmgen.text import INPUT_KINDS, KINDS, InputFormat, names_of, own_name, visible


class WithColumns(Protocol):
    """What was read with columns of the user's own: a sentence, an item, a prompt."""

    @property
    def extra(self) -> dict[str, Any]:
        """Those columns."""


Read = TypeVar("Read", bound=WithColumns)

INPUT = group(
    "form",
    lambda input_format, encoding, delimiter: InputFormat(input_format, encoding, delimiter),
    click.option(
        "--input-format",
        type=click.Choice(INPUT_KINDS),
        help="Format of FILE.  [default: by its suffix; text from stdin]",
    ),
    click.option(
        "--encoding", default=InputFormat.encoding, show_default=True, metavar="NAME", help="Encoding of FILE."
    ),
    click.option(
        "--delimiter",
        metavar="X",
        help="Character between the cells of a .csv or .tsv.  [default: a comma; a tab]",
    ),
)
"""How the file of texts is written: an `InputFormat`."""


def check_no_file(form: InputFormat) -> None:
    """Raise UsageError where a file's form is given and there is no file."""
    if form != InputFormat():
        raise UsageError(
            "--input-format, --encoding and --delimiter describe a file, and none is given: leave them out"
        )


def for_rows(form: InputFormat, file: Path, kind: str, columns: Sequence[str]) -> InputFormat:
    """How to read a file of which rows will be written: one of objects is read twice, as a table has one heading.

    In JSON lines only names that are also among `columns` are evened out: lmgen's columns have one name in all rows.
    """
    if kind not in KINDS or form.kind_of(file) != "jsonl" or not file.is_file():
        return form
    return replace(form, names=tuple(name for name in names_of(file, form) if kind != "jsonl" or name in columns))


def tell_names(found: Iterable[Read], columns: Sequence[str]) -> Iterator[Read]:
    """Pass on what has columns of the user's; report once which of lmgen's own `columns` get another name beside them."""
    reported: set[str] = set()
    for one in found:
        if new := [name for name in columns if name in one.extra and name not in reported]:
            reported.update(new)
            ours = ", ".join(own_name(name, one.extra) for name in new)
            click.echo(visible(f"columns of yours stay as they are: {', '.join(new)}; lmgen's are {ours}"), err=True)
        yield one
