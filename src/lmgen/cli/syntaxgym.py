"""`lmgen syntaxgym`: targeted syntactic evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.options import Destination
from lmgen.cli.progress import Watch
from lmgen.errors import UsageError
from lmgen.items import (
    ITEM_COLUMNS,
    PREDICTION_COLUMNS,
    REGION_COLUMNS,
    Accuracy,
    MeasuredItem,
    Suite,
    item_files,
    item_rows,
    measure_suite,
    prediction_rows,
    read_suite,
    region_rows,
)
from lmgen.model import LanguageModel
from lmgen.text import InputFormat, Row, open_rows, write_rows

OF = {"predictions": PREDICTION_COLUMNS, "items": ITEM_COLUMNS, "regions": REGION_COLUMNS}
"""What a row may be, and its columns."""


@dataclass(frozen=True, kw_only=True)
class _Options(shared.Reading):
    suites: tuple[Path, ...]
    of: str
    predict: tuple[str, ...]
    form: InputFormat
    base: str
    to: Destination


@click.command()
@click.argument("suites", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SUITE...")
@click.option(
    "--of",
    type=click.Choice(tuple(OF)),
    default="predictions",
    show_default=True,
    help="What a row is: a prediction with its accuracy, whether one holds in an item, or a region's surprisal.",
)
@click.option(
    "--predict",
    multiple=True,
    metavar="FORMULA",
    help="Test this prediction instead of the suite's own. Repeatable.",
)
@INPUT
@shared.BASE
@shared.table_to()
@shared.READING
def syntaxgym(**options) -> None:
    """Test the predictions of SyntaxGym's SUITEs: in how many items each holds, with its 95 % interval.

    A SUITE is a .json or .csv as published, or a folder of them: of its .json files, if it has any. The surprisal
    of a region is the sum over its tokens (or the suite's own metric), without `</S>`. In a formula (5;%a%) is
    region 5 of condition a, (*;%a%) all its regions; there are < > = <= >= != + - * / & | and ( ) or [ ].

    \b
    Examples:
      lmgen syntaxgym npz_ambig.json
      lmgen syntaxgym test_suites/json -o accuracies.tsv
      lmgen syntaxgym npz_ambig.csv --of regions
      lmgen syntaxgym npz_ambig.csv --predict "(5;%ambig_nocomma%) > (5;%ambig_comma%)"
    """
    asked = _Options(**options)
    suites = [read_suite(path, asked.predict, asked.form) for path in item_files(asked.suites, ".json")]
    for suite in suites:
        if asked.of != "regions" and not suite.predictions:
            raise UsageError(f"the suite {suite.name} has no predictions: add --predict FORMULA, or --of regions")
    shares: list[float] = []
    model = asked.model.open(asked.model.find())
    with open_rows(asked.to.output) as out:
        rows = (row for suite in suites for row in _rows(asked, model, suite, shares))
        write_rows(rows, out, asked.to.kind, OF[asked.of])
    if len(shares) > 1:
        click.echo(f"mean accuracy of {len(shares)} predictions {np.mean(shares):.4f}", err=True)


def _rows(asked: _Options, model: LanguageModel, suite: Suite, shares: list[float]) -> Iterator[Row]:
    items = measure_suite(model, suite, asked.splitting.words, asked.scoring(), asked.base)
    accuracies = [Accuracy() for _ in suite.predictions]
    counted = _counted(Watch([], "", asked.to.output)(items, f"items of {suite.name}"), accuracies)
    if asked.of == "regions":
        yield from region_rows(counted, suite)
    elif asked.of == "items":
        yield from item_rows(counted, suite)
    else:
        for _ in counted:
            pass
        yield from prediction_rows(suite, accuracies)
    shares += [accuracy.share for accuracy in accuracies]


def _counted(items: Iterator[MeasuredItem], accuracies: list[Accuracy]) -> Iterator[MeasuredItem]:
    for item in items:
        for accuracy, holds in zip(accuracies, item.holds, strict=True):
            accuracy.add(holds)
        yield item
