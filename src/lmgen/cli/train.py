"""`lmgen train`: train a model of the family on one's own text."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lmgen.checkpoint import Shape
from lmgen.cli.console import stderr_console
from lmgen.cli.options import group
from lmgen.engines import quiet_tensorflow
from lmgen.errors import LmgenError, UsageError, needing_tensorflow
from lmgen.training import DISTRIBUTIONS, OPTIMIZERS, PRECISIONS, About, Budget, Recipe, Saved, Trained, Validated

FILE = click.Path(path_type=Path)
SIZE, POSITIVE = click.IntRange(1), click.FloatRange(0, min_open=True)


def _recipe(name: str, kind: click.ParamType, help: str) -> Callable:
    """An option with the name and default of a field of `Recipe`, or of its shape."""
    field = name.removeprefix("--").replace("-", "_")
    default = getattr(Recipe, field, None) or getattr(Shape, field)
    return click.option(name, type=kind, default=default, show_default=True, help=help)


def _made(filters: str, projection: int, cells: int, layers: int, **chosen) -> Recipe:
    return Recipe(Shape(_filters(filters), projection=projection, cells=cells, layers=layers), **chosen)


def _filters(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(count) for count in text.split(","))
    except ValueError as error:
        raise UsageError(f"--filters takes eight numbers with commas, not {text!r}") from error


RECIPE = group(
    "recipe",
    _made,
    _recipe("--words", click.IntRange(4), "Size of the vocabulary."),
    _recipe("--projection", SIZE, "Length of the words' vectors."),
    _recipe("--cells", SIZE, "LSTM cells of a layer."),
    _recipe("--layers", SIZE, "LSTM layers."),
    click.option(
        "--filters",
        default=",".join(map(str, Shape.filters)),
        show_default=True,
        help="Number of filters of each of the eight convolutions.",
    ),
    _recipe("--batch", SIZE, "Streams of text read side by side."),
    _recipe("--window", SIZE, "Words that back-propagation reaches back."),
    _recipe(
        "--optimizer",
        click.Choice(OPTIMIZERS),
        "Optimizer: Muon for the matrices and Adam for the rest, or Adam for all.",
    ),
    _recipe("--rate", POSITIVE, "Highest learning rate of Adam."),
    _recipe("--muon-rate", POSITIVE, "Highest learning rate of Muon."),
    _recipe("--warmup", SIZE, "Steps until the learning rates are reached."),
    click.option(
        "--average/--no-average",
        default=Recipe.average,
        show_default=True,
        help="Write the average of the weights over the last steps; the learning rate falls at the end only.",
    ),
    _recipe("--clip", POSITIVE, "Highest norm of the gradient."),
    click.option(
        "--dropout",
        type=click.FloatRange(0, 1, max_open=True),
        default=Recipe.dropout,
        show_default=True,
        help="Share of the layers' inputs that is set to zero.",
    ),
    _recipe("--candidates", SIZE, "Softmax rows that a step looks at; at least --words for all."),
    _recipe("--frequent", SIZE, "Most frequent words that are always among the candidates."),
    _recipe("--context", click.Choice(("sentence", "stream")), "Reset the LSTM state at each sentence, or never."),
    _recipe("--precision", click.Choice(PRECISIONS), "Precision of the matrix products."),
    _recipe("--seed", click.IntRange(0), "Seed of the first weights and of the sentences' order."),
)


def _known(_context: click.Context, _option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"cpu(:0)?|gpu(:\d+)?", name.lower()):
            raise UsageError(f"--device takes cpu, or gpu:0 and so on, not {name!r}")
    return names


@dataclass(frozen=True, kw_only=True)
class _Options:
    texts: tuple[Path, ...]
    folder: Path
    hours: float | None
    steps: int | None
    resume: bool
    tokenize: bool
    valid: Path | None
    recipe: Recipe
    name: str | None
    description: str
    licence: str
    temperature: float
    top_p: float
    snapshot_minutes: float
    validation_minutes: float
    devices: tuple[str, ...]
    distribute: str | None
    reduce_precision: str
    verbose: bool

    def __post_init__(self) -> None:
        if len(self.devices) > 1 and self.distribute:
            raise UsageError("with --distribute each process has one --device: start a process for each")
        if self.reduce_precision != "float32" and not self.distribute and len(self.devices) < 2:
            raise UsageError(
                "--reduce-precision is for several processes: add --distribute or another --device, or leave it out"
            )
        if self.hours and self.steps:
            raise UsageError("give --hours or --steps, not both")
        if self.resume == bool(self.texts):
            raise UsageError("give a TEXT to train on, or --resume to continue the training in the folder; not both")
        if self.resume:
            _check_resumed(click.get_current_context())
        elif self.budget is None:
            raise UsageError("say how long to train: --hours or --steps")

    @property
    def budget(self) -> Budget | None:
        """How long to train; None for as long as was said before."""
        return Budget(self.steps, self.hours) if self.hours or self.steps else None

    def about(self, budget: Budget) -> About:
        """What is reported of the model, and how often it is saved."""
        own = {field.name: getattr(self, field.name) for field in fields(About) if field.name != "budget"}
        return About(**{**own, "name": self.name or self.folder.resolve().name}, budget=budget)


@click.command()
@click.argument("texts", nargs=-1, type=FILE, metavar="TEXT...")
@click.option("--out", "folder", type=FILE, required=True, help="Folder of the model and of its training.")
@click.option("--hours", type=POSITIVE, help="Hours to train.")
@click.option("--steps", type=SIZE, help="Steps to train.")
@click.option("--resume", is_flag=True, help="Continue the training in the folder, with the options it was begun with.")
@click.option("--tokenize", is_flag=True, help="Split words by Moses' rules: for text that is not yet tokenised.")
@click.option("--valid", type=FILE, help="Text to validate on.  [default: one sentence in 200]")
@RECIPE
@click.option(
    "--snapshot-minutes",
    type=POSITIVE,
    default=About.snapshot_minutes,
    show_default=True,
    help="Minutes between two snapshots.",
)
@click.option(
    "--validation-minutes",
    type=POSITIVE,
    default=About.validation_minutes,
    show_default=True,
    help="Minutes until the perplexity is measured and the model written again.",
)
@click.option("--name", help="Name of the model.  [default: the folder's name]")
@click.option("--description", default="", help="What the model is, in a sentence.")
@click.option("--licence", default="", help="Licence of the model.")
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    default=About.temperature,
    show_default=True,
    help="Written into model.toml: the temperature where the model's user gives none.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    default=About.top_p,
    show_default=True,
    help="Written into model.toml: the top-p where the model's user gives none.",
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    callback=_known,
    help="Train on cpu or gpu:N; several train together, with a process for each.  [default: the first GPU, if any]",
)
@click.option(
    "--distribute",
    type=click.Choice(DISTRIBUTIONS),
    is_flag=False,
    flag_value="tf-config",
    help="Train together with other processes, on this machine or others: who they are stands in TF_CONFIG, "
    "or in a Slurm step's variables (slurm); auto takes what there is.",
)
@click.option(
    "--reduce-precision",
    type=click.Choice(("float32", "bfloat16")),
    default="float32",
    show_default=True,
    help="Precision of gradients between processes: bfloat16 halves the traffic.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print more on stderr.")
def train(**options) -> None:
    """Train a model on TEXT: files, plain or .gz, one sentence a line.

    The folder can be used as a model from the first validation on. Ctrl-C leaves a snapshot. With --distribute every
    process runs this command with the same options, and all see the same texts and the same folder.

    \b
    Examples:
      lmgen train news.txt.gz --tokenize --hours 2 --out models/news
      lmgen train --resume --out models/news
      lmgen train news.txt.gz --hours 2 --out models/news --device gpu:0 --device gpu:1
      lmgen complete -m models/news "The president said"
    """
    asked = _Options(**options)
    with needing_tensorflow("training"), quiet_tensorflow(asked.verbose):
        run = _run(asked, _replicas(asked))
        try:
            with closing(run.events()) as events:
                last = _show(_recorded(events, run.board)) if run.is_chief else _unseen(events)
        except KeyboardInterrupt:
            click.echo(f"to continue: lmgen train --resume --out {asked.folder}", err=True)
            raise
    if last and run.is_chief:
        click.echo(f"{asked.folder}: validation perplexity {last.perplexity:.2f} after {last.tokens:,} words")


def _replicas(asked: _Options):
    """Who trains together; processes of this machine are started."""
    from lmgen.training import join, join_here

    if len(asked.devices) > 1:
        return join_here(asked.devices, asked.reduce_precision, partial(_follow, asked))
    return join(asked.distribute, asked.reduce_precision, *asked.devices)


def _follow(asked: _Options, device: str) -> None:
    """Train in a process that the first one has started, which says what happens."""
    from lmgen.training import join

    with quiet_tensorflow(asked.verbose), suppress(LmgenError, KeyboardInterrupt):
        _unseen(_run(asked, join("tf-config", asked.reduce_precision, device)).events())


def _run(asked: _Options, replicas):
    """The training that the folder holds, or a new one in it."""
    from lmgen.training import Texts, begin, resume

    if asked.resume or asked.budget is None:
        return resume(asked.folder, asked.budget, replicas)
    texts = Texts(asked.texts, asked.valid, asked.tokenize)
    with stderr_console().status("reading the text"):
        return begin(asked.folder, texts, asked.recipe, asked.about(asked.budget), replicas)


def _recorded(events: Iterator, board: Path) -> Iterable:
    from lmgen.board import record_training

    return record_training(events, board)


def _unseen(events: Iterator) -> Validated | None:
    """Run through events whose progress another process shows; returns the last validation."""
    last = None
    for event in events:
        last = event if isinstance(event, Validated) else last
    return last


def _check_resumed(context: click.Context) -> None:
    """Raise UsageError for an option that a resumed training cannot change."""
    for name in context.params.keys() - {
        "folder",
        "resume",
        "hours",
        "steps",
        "devices",
        "distribute",
        "reduce_precision",
        "verbose",
    }:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            spelled = next(one for one in context.command.params if one.name == name).opts[0]
            raise UsageError(f"{spelled} was settled when the training began: leave it out with --resume")


def _show(events: Iterable[Trained | Validated | Saved]) -> Validated | None:
    """Show a run's progress on stderr; returns its last validation."""
    console = stderr_console()
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>5.1f}%"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    last: Validated | None = None
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=1.0)
        for event, rate in _with_rate(events):
            if isinstance(event, Trained):
                left = event.seconds * (1 - event.spent) / event.spent if event.spent else 0
                perplexity = f", perplexity {last.perplexity:.1f}" if last else ""
                line = f"{rate:,.0f} words/s, loss {event.loss:.3f}{perplexity}, {left / 60:,.0f} min left"
                progress.update(task, completed=event.spent, description=line)
            elif isinstance(event, Validated):
                last = event
                console.print(f"{event.tokens:,} words read: validation perplexity {event.perplexity:.2f}")
    return last


def _with_rate(events: Iterable) -> Iterator[tuple[object, float]]:
    """Events, each with the words read per second over the run so far (this part of it)."""
    first = None
    rate = 0.0
    for event in events:
        if isinstance(event, Trained):
            first = first or event
            if event.seconds > first.seconds:
                rate = (event.tokens - first.tokens) / (event.seconds - first.seconds)
        yield event, rate
