"""`lmgen bench`: how fast a model is, beside what it is to be compared with."""

import contextlib
import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lmgen.bench import (
    ENGINES,
    MACHINE,
    RIVALS,
    Apart,
    Begun,
    Figure,
    Measured,
    Plan,
    bench,
    check_installed,
    figures,
    present,
    turns,
)
from lmgen.cli.console import stderr_console
from lmgen.cli.options import OUTPUT, Destination, complete_local, group
from lmgen.errors import MissingError, UsageError
from lmgen.store import DEFAULT_MODEL, find
from lmgen.text import open_output

FORMATS = ("table", "md", "csv", "json")
WIDE = 40
"""Characters for each column of a table that is not on a terminal."""


def _names(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    names = tuple(filter(None, (text or "").split(",")))
    if unknown := [name for name in names if name not in ENGINES]:
        raise UsageError(f"no engine {unknown[0]!r} to measure: choose from {', '.join(ENGINES)}")
    return tuple(dict.fromkeys(names))


@click.command("bench")
@click.argument("model", default=DEFAULT_MODEL, metavar="[MODEL|FOLDER]", shell_complete=complete_local)
@click.option(
    "--engine",
    "engines",
    callback=_names,
    metavar="A,B,…",
    help=f"What to measure: {', '.join(ENGINES)}.  [default: all that the model has files for]",
)
@click.option(
    "--against",
    "rivals",
    type=click.Choice(RIVALS),
    multiple=True,
    help="Compare with the program of 2016, or with the same weights in PyTorch, if it is installed.",
)
@group(
    "plan",
    Plan,
    click.option(
        "--rounds", type=int, default=Plan.rounds, show_default=True, help="How many times each contender is measured."
    ),
    click.option(
        "--seconds",
        type=float,
        default=Plan.seconds,
        show_default=True,
        help="Seconds that a measurement takes, about.",
    ),
)
@group(
    "to",
    Destination,
    click.option(
        "--format", "kind", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format."
    ),
    OUTPUT,
)
def bench_command(model: str, engines: tuple[str, ...], rivals: tuple[str, ...], plan: Plan, to: Destination) -> None:
    """Measure how fast MODEL, a name or a folder, reads, writes and scores on this machine, and what it takes.

    Each contender is a process of its own. They take turns in every round, so that their ratios can be
    trusted on a busy machine too; where memory is short, each takes turns with the first alone. A figure is
    `median (mean ± standard deviation)` over the rounds, and how many times better it is than the first
    contender's in the same rounds. All write and read the same words in every round: they have been spelled
    before. The program of 2016 has one text at a time. Cold is without the model's files in the page cache.
    Ctrl-C ends it and leaves what was measured.

    \b
    Examples:
      lmgen bench
      lmgen bench lm1b --engine litert:fast,session --against original
      lmgen bench --against original --against torch --format md -o speed.md
    """
    names = _contenders(model, engines, rivals)
    measured: list[Measured] = []
    with open_output(to.output) as out:
        try:
            with contextlib.closing(bench(model, names, plan)) as events:
                measured.extend(_with_progress(events, turns(names, plan)))
        finally:
            if measured:
                _write(figures(measured), names, out, to.kind)


def _contenders(model: str, engines: Sequence[str], rivals: Sequence[str]) -> list[str]:
    """All that take part; the one that others are compared with is the first."""
    check_installed(rivals)
    there = present(find(model))
    if absent := [name for name in engines if name not in there]:
        precision = absent[0].rpartition(":")[2]
        raise MissingError(f"{model} has no files for {absent[0]}: lmgen convert {model} --precision {precision}")
    return [*(name for name in RIVALS if name in rivals), *(engines or there)]


def _with_progress(events: Iterable[Begun | Apart | Measured], total: int) -> Iterator[Measured]:
    """Pass measurements on; on a terminal show on stderr each of them, what is measured now, and the time left."""
    console = stderr_console()
    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=total)
        for event in events:
            if isinstance(event, Measured):
                if console.is_terminal:
                    text = f"{event.contender}: {event.measure}{_round(event.round)}: {_number(event.value)}"
                    console.print(text, soft_wrap=True)
                yield event
            elif isinstance(event, Apart):
                console.print(f"memory is short: each takes turns with {event.contender} alone", soft_wrap=True)
            else:
                progress.update(task, description=f"{event.contender}: {event.what}{_round(event.round)}")
            progress.advance(task)


def _round(number: int | None) -> str:
    return "" if number is None else f", round {number + 1}"


# The figures, written -------------------------------------------------------------------------


def _write(found: list[Figure], names: Sequence[str], out: IO[str], kind: str) -> None:
    rows = [asdict(figure) for figure in found]
    if kind == "json":
        out.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    elif kind == "csv":
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        shown = [figure for figure in found if figure.contender != MACHINE]
        (_write_markdown if kind == "md" else _write_table)(_lines(shown, names), out)
        out.write(f"\n{_about(found)}\n")


def _lines(found: list[Figure], names: Sequence[str]) -> list[list[str]]:
    """A heading, and a line for each measure with a cell for each contender."""
    cells: dict[str, dict[str, str]] = {}
    for figure in found:
        cells.setdefault(figure.measure, {})[figure.contender] = _cell(figure)
    return [["", *names], *([measure, *(row.get(name, "") for name in names)] for measure, row in cells.items())]


def _about(found: list[Figure]) -> str:
    """What the figures are, and of which machine."""
    memory = "".join(f", memory read at {_cell(figure)} GB/s" for figure in found if figure.contender == MACHINE)
    return f"Median (mean ± sd), times better than the first; {os.cpu_count()} cores{memory}."


def _cell(figure: Figure) -> str:
    spread = f" ({_number(figure.mean)} ± {_number(figure.sd)})" if figure.sd is not None else ""
    return _number(figure.median) + spread + (f" {_number(figure.ratio)}×" if figure.ratio is not None else "")


def _number(value: float) -> str:
    """A value with three digits or more that count."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _write_markdown(lines: list[list[str]], out: IO[str]) -> None:
    heading, *rest = (f"| {' | '.join(line)} |\n" for line in lines)
    out.writelines((heading, "|" + " --- |" * len(lines[0]) + "\n", *rest))


def _write_table(lines: list[list[str]], out: IO[str]) -> None:
    table = Table(*lines[0], box=None, pad_edge=False)
    for line in lines[1:]:
        table.add_row(*line)
    Console(file=out, highlight=False, width=None if out.isatty() else WIDE * len(lines[0])).print(table)
