"""`lmgen train`: train a model of the family on one's own text."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lmgen.checkpoint import Shape
from lmgen.cli.console import stderr_console
from lmgen.engines import quiet_tensorflow
from lmgen.errors import UsageError, needing_tensorflow
from lmgen.training import Saved, Trained, Validated

FILE = click.Path(path_type=Path)
SIZE = click.IntRange(1)


@click.command(short_help="Train a model on one's own text.")
@click.argument("texts", nargs=-1, type=FILE, metavar="TEXT...")
@click.option("--out", "folder", type=FILE, required=True, help="Folder of the model and of its training.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="Train so long.")
@click.option("--steps", type=SIZE, help="Train so many steps.")
@click.option("--resume", is_flag=True, help="Go on with the training in the folder, as it was begun.")
@click.option("--tokenize", is_flag=True, help="Split words by Moses' rules: for text that is not yet tokenised.")
@click.option("--valid", type=FILE, help="Text to validate on.  [default: one sentence in 200]")
@click.option("--words", type=click.IntRange(4), default=30000, show_default=True, help="Size of the vocabulary.")
@click.option("--projection", type=SIZE, default=256, show_default=True, help="Length of the words' vectors.")
@click.option("--cells", type=SIZE, default=1024, show_default=True, help="LSTM cells of a layer.")
@click.option("--layers", type=SIZE, default=2, show_default=True, help="LSTM layers.")
@click.option("--filters", default="16,16,32,64,96,128,80,80", show_default=True, help="Of the eight convolutions.")
@click.option("--batch", type=SIZE, default=128, show_default=True, help="Streams of text read side by side.")
@click.option("--window", type=SIZE, default=20, show_default=True, help="Words that back-propagation reaches back.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=5e-3, show_default=True, help="Of learning.")
@click.option("--warmup", type=SIZE, default=200, show_default=True, help="Steps until that rate is reached.")
@click.option(
    "--clip", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="Highest gradient norm."
)
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True, help="Share of zeros."
)
@click.option(
    "--candidates", type=SIZE, default=4096, show_default=True, help="Softmax rows per step; at least the words: all."
)
@click.option(
    "--frequent", type=SIZE, default=2048, show_default=True, help="Most frequent words that are always among them."
)
@click.option(
    "--context",
    type=click.Choice(("sentence", "stream")),
    default="sentence",
    show_default=True,
    help="Empty the memory at each sentence, or never.",
)
@click.option(
    "--precision",
    type=click.Choice(("bfloat16", "float32")),
    default="bfloat16",
    show_default=True,
    help="Of products.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of weights and order.")
@click.option(
    "--snapshot-minutes",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="How often to write a snapshot.",
)
@click.option(
    "--validation-minutes",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    help="How often to measure the perplexity and write the model.",
)
@click.option("--name", help="Of the model.  [default: the folder's name]")
@click.option("--description", default="", help="Of the model, in a sentence.")
@click.option("--licence", default="", help="Of the model.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
def train(texts: tuple[Path, ...], folder: Path, resume: bool, verbose: bool, **options) -> None:
    """Train a model on TEXT: files, plain or .gz, one sentence a line.

    The folder can be used as a model from the first validation on. Ctrl-C leaves a snapshot.

    \b
    Examples:
      lmgen train news.txt.gz --tokenize --hours 2 --out models/news
      lmgen train --resume --out models/news
      lmgen complete -m models/news "The president said"
    """
    if options["hours"] and options["steps"]:
        raise UsageError("give --hours or --steps, not both")
    if resume == bool(texts):
        raise UsageError("give a TEXT to train on, or --resume to go on with the one begun; not both")
    if not resume and not (options["hours"] or options["steps"]):
        raise UsageError("say how long to train: --hours or --steps")
    with needing_tensorflow("training"), quiet_tensorflow(verbose):
        run = _resume(folder, options) if resume else _begin(folder, texts, options)
        from lmgen.board import record_training

        try:
            with closing(run.events()) as events:
                last = _show(record_training(events, run.board))
        except KeyboardInterrupt:
            click.echo(f"to go on: lmgen train --resume --out {folder}", err=True)
            raise
    if last:
        click.echo(f"{folder}: validation perplexity {last.perplexity:.2f} after {last.tokens:,} words")


def _begin(folder: Path, texts: tuple[Path, ...], options: dict):
    from lmgen.training import About, Budget, Recipe, Texts, begin

    recipe = Recipe(
        shape=Shape(
            filters=_filters(options["filters"]),
            projection=options["projection"],
            cells=options["cells"],
            layers=options["layers"],
        ),
        steps=options["window"],
        **{
            name: options[name]
            for name in (
                *("words", "batch", "rate", "warmup", "clip", "dropout"),
                *("candidates", "frequent", "context", "precision", "seed"),
            )
        },
    )
    name = options["name"] or folder.resolve().name
    budget = Budget(options["steps"], options["hours"])
    about = About(
        name,
        options["description"],
        options["licence"],
        budget,
        options["snapshot_minutes"],
        options["validation_minutes"],
    )
    with stderr_console().status("reading the text"):
        return begin(folder, Texts(texts, options["valid"], options["tokenize"]), recipe, about)


def _resume(folder: Path, options: dict):
    from lmgen.training import Budget, resume

    new = options["hours"] or options["steps"]
    return resume(folder, Budget(options["steps"], options["hours"]) if new else None)


def _filters(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(count) for count in text.split(","))
    except ValueError as error:
        raise UsageError(f"--filters takes eight numbers with commas, not {text!r}") from error


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
                told = f"{rate:,.0f} words/s, loss {event.loss:.3f}{perplexity}, {left / 60:,.0f} min left"
                progress.update(task, completed=event.spent, description=told)
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
