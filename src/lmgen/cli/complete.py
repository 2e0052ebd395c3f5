"""`lmgen complete`: write on from a prefix."""

import secrets
import sys

import click

from lmgen.cli.options import model_options, placement
from lmgen.errors import UsageError
from lmgen.generate import Generation, generate
from lmgen.load import load
from lmgen.model import LanguageModel, read
from lmgen.output import FORMATS, open_output, write_records, write_text
from lmgen.sampling import Sampling
from lmgen.tokenizer import tokenize


@click.command()
@click.argument("prefix", required=False, default="")
@model_options
@click.option("-n", "--samples", type=click.IntRange(1), default=1, show_default=True, help="Continuations to write.")
@click.option(
    "--max-words", type=click.IntRange(1), default=100, show_default=True, help="Words of a continuation at most."
)
@click.option(
    "-t",
    "--temperature",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Below 1 more likely words, above 1 more surprising ones; 0 takes the likeliest.",
)
@click.option("-k", "--top-k", type=click.IntRange(0), default=0, help="Only the K likeliest words.  [default: all]")
@click.option(
    "-p",
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Only the likeliest words that together reach this probability.",
)
@click.option("--seed", type=click.IntRange(0), help="The same seed writes the same words.  [default: a new one]")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="text", show_default=True, help="Of the output.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Write to a file, not to stdout.")
def complete(prefix: str, seed: int | None, kind: str, output: str, verbose: bool, **options) -> None:
    """Write on from PREFIX, word by word, until the sentence ends.

    Without PREFIX a sentence is begun; `-` reads the prefix from stdin. Temperature comes first, then
    top-k, then top-p.

    \b
    Examples:
      lmgen complete "I love that I"
      lmgen complete -n 5 -t 0.7 --seed 1 "The president said"
      lmgen complete --format jsonl -n 100 -o samples.jsonl
    """
    words = tokenize(_text(prefix))
    seed = secrets.randbits(32) if seed is None else seed
    sampling = Sampling(options.pop("temperature"), options.pop("top_k"), options.pop("top_p"))
    wanted = Generation(options.pop("samples"), options.pop("max_words"), seed, sampling)
    log_placement, where = options.pop("log_placement"), placement(options)
    model = load(options["model"], options["engine"], where, verbose)
    if log_placement:
        for row in model.placement():
            click.echo("\t".join(row), err=True)
    if verbose:
        _report(model, words, seed)
    events = generate(model, read(model, words), wanted)
    with open_output(output) as out:
        if kind == "text":
            write_text(events, words, wanted.samples, out)
        else:
            write_records(events, words, wanted.samples, out, kind, seed)


def _text(prefix: str) -> str:
    """The prefix as given, or all of stdin for `-`."""
    if prefix != "-":
        return prefix
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the prefix on stdin is not UTF-8 text: see byte {error.start + 1}") from error


def _report(model: LanguageModel, words: list[str], seed: int) -> None:
    unknown = [word for word in words if word not in model.vocabulary]
    click.echo(f"seed: {seed}", err=True)
    if unknown:
        click.echo(f"read by their letters, not in the vocabulary: {' '.join(unknown)}", err=True)
