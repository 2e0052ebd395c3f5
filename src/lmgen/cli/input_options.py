"""What the commands that read a file of texts share: how it is written, and columns of the user's own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from lmgen.cli.options import group
from lmgen.errors import UsageError
from lmgen.text import ERRORS, INPUT_KINDS, KINDS, Faults, InputFormat, names_of, own_name, visible


class WithColumns(Protocol):
    """What was read with columns of the user's own: a sentence, an item, a prompt."""

    @property
    def extra(self) -> dict[str, Any]:
        """Those columns."""


Read = TypeVar("Read", bound=WithColumns)
Whatever = TypeVar("Whatever")

INPUT = group(
    "form",
    lambda input_format, encoding, delimiter, errors: InputFormat(
        input_format, encoding, delimiter, faults=Faults(errors)
    ),
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
    click.option(
        "--errors",
        type=click.Choice(ERRORS),
        default=ERRORS[0],
        show_default=True,
        help="At a row that cannot be read: stop, skip it, or replace what is not text by U+FFFD.",
    ),
)
"""How the file of texts is written: an `InputFormat`."""


def check_no_file(form: InputFormat) -> None:
    """Raise UsageError where a file's form is given and there is no file."""
    if form != InputFormat():
        raise UsageError(
            "--input-format, --encoding, --delimiter and --errors describe a file, and none is given: leave them out"
        )


def for_rows(form: InputFormat, files: Sequence[Path], kind: str, columns: Sequence[str]) -> InputFormat:
    """How to read files of which rows will be written: those of objects are read twice, as a table has one heading.

    In JSON lines only names that are also among `columns` are evened out: lmgen's columns have one name in all rows.
    """
    mixed = [file for file in files if (len(files) > 1 or form.kind_of(file) == "jsonl") and file.is_file()]
    if kind not in KINDS or not mixed:
        return form
    names = dict.fromkeys(name for file in mixed for name in names_of(file, form))
    return replace(form, names=tuple(name for name in names if kind != "jsonl" or name in columns))


def tell_faults(found: Iterable[Whatever], faults: Faults) -> Iterator[Whatever]:
    """Pass on what was read; report at the end how many rows could not be read."""
    yield from found
    if faults.count:
        rows = "1 row" if faults.count == 1 else f"{faults.count:,} rows"
        done = "skipped" if faults.way == "skip" else "replaced or skipped"
        click.echo(visible(f"{rows} {done}; the first: {faults.first}"), err=True)


def tell_names(found: Iterable[Read], columns: Sequence[str]) -> Iterator[Read]:
    """Pass on what has columns of the user's; report once which of lmgen's own `columns` get another name beside them."""
    reported: set[str] = set()
    for one in found:
        if new := [name for name in columns if name in one.extra and name not in reported]:
            reported.update(new)
            ours = ", ".join(own_name(name, one.extra) for name in new)
            click.echo(visible(f"columns of yours stay as they are: {', '.join(new)}; lmgen's are {ours}"), err=True)
        yield one
