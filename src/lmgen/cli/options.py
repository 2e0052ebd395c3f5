"""Options that several commands share."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.converting import convert_first
from lmgen.engines import ENGINES, PRECISIONS, EngineOptions, Placement, load, tensorflow_installed
from lmgen.errors import UsageError
from lmgen.export import load_converted
from lmgen.generation import ORDER, Generation, Sampling, changed, defaults, given
from lmgen.model import LanguageModel, PlacedModel
from lmgen.store import DEFAULT_MODEL, board_folder, model_folders, released
from lmgen.text import check_output, split_words

if TYPE_CHECKING:
    from lmgen.board import Board, Writer

DEFAULT_BOARD = "default"


def confirmed(question: str, nobody: bool, default: bool = True) -> bool:
    """What the person at the terminal says; `nobody` where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return nobody
    return click.confirm(question, default=default, err=True)


def complete_local(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: models that are here."""
    return [name for name in model_folders() if name.startswith(incomplete)]


def complete_model(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: models that are here or can be had."""
    return sorted(name for name in {*model_folders(), *released()} if name.startswith(incomplete))


def all_of(options: tuple[Callable, ...]) -> Callable[[Callable], Callable]:
    """One decorator of many."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def precision(default: str) -> Callable:
    """An option: how exactly converted files compute."""
    return click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default=default,
        show_default=True,
        help="Of litert: int8, float32, or float32's choices by int8.",
    )


MODEL_NAME = click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="MODEL|FOLDER",
    envvar="LMGEN_MODEL",
    shell_complete=complete_local,
    help="A model's name, or a folder in the released layout.",
)

MODEL = all_of(
    (
        MODEL_NAME,
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            default="auto",
            show_default=True,
            help="What computes; auto is litert where the model has been converted and no device is asked for.",
        ),
        click.option(
            "--device",
            "devices",
            multiple=True,
            metavar="NAME",
            help="Run on this device, e.g. cpu:0 or gpu:0. Several spread the layers and the softmax.",
        ),
        click.option(
            "--soft-placement/--no-soft-placement",
            help="Let the CPU stand in for a device that is absent or cannot run an operation.",
        ),
        click.option(
            "--spelled-marks", is_flag=True, help="Feed <S> and </S> by their letters, as the sample mode of 2016 did."
        ),
        click.option("--log-placement", is_flag=True, help="Print which operation runs on which device."),
        click.option("--allow-growth", is_flag=True, help="Take GPU memory as it is needed, not all at once."),
        click.option(
            "--threads", type=click.IntRange(0), default=0, help="Threads per operation.  [default: all cores]"
        ),
        click.option("-v", "--verbose", is_flag=True, help="Say more on stderr."),
    )
)
"""Which model, on which engine and devices."""


def engine_options(options: dict) -> EngineOptions:
    """What computes, from a command's options."""
    where = Placement(options["devices"], options["soft_placement"], options["allow_growth"], options["threads"])
    engine = options["engine"]
    if options["log_placement"] and engine == "litert":
        raise UsageError("operations are placed by the session alone: leave out --engine litert")
    engine = "session" if options["log_placement"] else engine
    return EngineOptions(engine, options["precision"], where, options["spelled_marks"], options["verbose"])


def open_model(files: ModelFiles, options: dict, converts: bool = False) -> LanguageModel:
    """A model on the engine that a command's options ask for; `converts` it first, where litert would run it."""
    model = open_files(files, engine_options(options), converts)
    if options["log_placement"] and isinstance(model, PlacedModel):
        tell(model.placement())
    return model


def open_files(files: ModelFiles, wanted: EngineOptions, converts: bool = False) -> LanguageModel:
    """A model, converted first if `converts`, or if there is no TensorFlow to run it as it is."""
    if converts or not tensorflow_installed():
        return load_converted(files, wanted, partial(convert_first, verbose=wanted.verbose))
    return load(files, wanted)


def tell(rows: Iterable[Iterable]) -> None:
    """Write rows of notes to stderr."""
    for row in rows:
        click.echo("\t".join(map(str, row)), err=True)


LENGTH = all_of(
    (
        click.option(
            *("--max-words", "--max-tokens"), type=int, default=100, show_default=True, help="Words of each at most."
        ),
        click.option(
            "--sentences", type=int, default=1, show_default=True, help="Go on until so many sentences have ended."
        ),
        click.option("--stop", multiple=True, metavar="TEXT", help="End with the word in which this text is complete."),
        click.option("--seed", type=int, help="The same seed writes the same words.  [default: a new one]"),
    )
)
"""Where a continuation ends, and the seed: fields of `Generation`."""

OUTPUT = click.option(
    *("-o", "--output"),
    default="-",
    metavar="FILE",
    callback=lambda _context, _parameter, path: check_output(path),
    help="Write to a file, not to stdout.",
)

SPLITTING = all_of(
    (
        click.option(
            "--no-tokenize", "tokenized", is_flag=True, help="The text is words with spaces between them already."
        ),
        click.option(
            "--no-split", "whole", is_flag=True, help="Read the text as one sentence, even if it looks like more."
        ),
    )
)
"""How words are made of a text: `splitter`."""


def splitter(options: dict) -> Callable[[str], list[str]]:
    """What makes words of a text, from a command's options."""
    return split_words(options["tokenized"], options["whole"])


COLOUR = click.option(
    "--color-by", type=click.Choice(("surprisal",)), help="Colour words: cyan is expected, red is a surprise."
)


BOARD = all_of(
    (
        click.option(
            "--board",
            is_flag=False,
            flag_value=DEFAULT_BOARD,
            metavar="[DIR]",
            help="Write each softmax for TensorBoard into DIR; without DIR, that is last or before another option, "
            "where serve-board looks.",
        ),
        click.option(
            "--board-histograms", is_flag=True, help="Also histograms of log-probabilities, gates and memory: slower."
        ),
    )
)
"""Runs for TensorBoard; `board_of` says where."""


def board_of(given: str) -> Path:
    """The folder that --board or /board names."""
    return board_folder() if given == DEFAULT_BOARD else Path(given).expanduser()


@contextlib.contextmanager
def board_writer(files: ModelFiles, options: dict) -> "Iterator[Writer | None]":
    """What writes for TensorBoard, if anything is to: a process, which starts while the model is read."""
    if options["board"] is None:
        yield None
        return
    from lmgen.board import Writer

    with contextlib.closing(Writer()) as writer:
        writer.start(files.graph)
        yield writer


def open_board(writer: "Writer | None", model: LanguageModel, options: dict, many: bool) -> "Board | None":
    """Where softmaxes are written for TensorBoard, if they are to be; `many` texts have a folder each."""
    if writer is None:
        return None
    from lmgen.board import Board

    return Board(writer, model, board_of(options["board"]), options["board_histograms"], many)


def tell_board(board: "Board | None") -> None:
    """Say on stderr where the run is."""
    if board and board.run:
        click.echo(f"for TensorBoard: {board.run}", err=True)


def _sampler(*names: str, default, help: str, of_model: bool = False) -> Callable:
    """An option of `Sampling`, which checks the range; `of_model`: unless it is given, the model's own value holds."""
    kind = float if isinstance(default, float) else int
    shown: bool | str = "the model's" if of_model else True
    return click.option(
        *names, type=kind, default=None if of_model else default, show_default=shown, metavar="X", help=help
    )


def generation(files: ModelFiles, options: dict) -> Generation:
    """What to write, from a command's options; those that are not given are the model's."""
    return changed(defaults(files), given(options))


SAMPLING = all_of(
    (
        _sampler(
            *("-t", "--temperature", "--temp"),
            default=Sampling.temperature,
            of_model=True,
            help="Below 1 more likely words, above 1 more surprising ones; 0 takes the most likely.",
        ),
        _sampler("-k", "--top-k", default=Sampling.top_k, help="Only the X likeliest words; 0 for all."),
        _sampler(
            *("-p", "--top-p"),
            default=Sampling.top_p,
            of_model=True,
            help="Only the most likely words that together reach this probability.",
        ),
        _sampler("--min-p", default=Sampling.min_p, help="Only words X times as likely as the likeliest, or more."),
        _sampler(
            *("--typical", "--typical-p"),
            default=Sampling.typical,
            help="Only the words nearest the entropy that together reach this probability.",
        ),
        _sampler(
            *("--top-n-sigma", "--top-nsigma"),
            default=Sampling.top_n_sigma,
            help="Only logits within X standard deviations of the highest; 0 for all.",
        ),
        _sampler("--mirostat", default=Sampling.mirostat, help="2 holds the surprisal near --mirostat-tau."),
        _sampler(
            *("--mirostat-tau", "--mirostat-ent"),
            default=Sampling.mirostat_tau,
            help="Surprisal to hold, in bits.",
        ),
        _sampler(
            *("--mirostat-eta", "--mirostat-lr"),
            default=Sampling.mirostat_eta,
            help="How fast it is corrected.",
        ),
        _sampler(
            *("--repetition-penalty", "--repeat-penalty"),
            default=Sampling.repetition_penalty,
            help="Divide the logits of recent words; 1 for no penalty.",
        ),
        _sampler("--presence-penalty", default=Sampling.presence_penalty, help="Subtract from logits of recent words."),
        _sampler("--frequency-penalty", default=Sampling.frequency_penalty, help="Likewise, for every time they came."),
        _sampler("--repeat-last-n", default=Sampling.repeat_last_n, help="How many words are recent; 0 for all."),
        _sampler(
            *("--no-repeat-ngram", "--no-repeat-ngram-size"),
            default=Sampling.no_repeat_ngram,
            help="No sequence of X words comes twice; 0 for any.",
        ),
        click.option(
            "--samplers",
            "order",
            default=",".join(ORDER),
            show_default=True,
            callback=lambda _context, _parameter, text: tuple(filter(None, text.split(","))),
            metavar="A,B,…",
            help="Which samplers work, in which order.",
        ),
    )
)
"""How words are chosen: the fields of `Sampling`."""

CONSTRAINTS = all_of(
    (
        click.option(
            "--ban", multiple=True, metavar="PATTERN", help="Never write a word: WORD, @FILE of words, or /regex/."
        ),
        click.option("--allow", multiple=True, metavar="PATTERN", help="Write only these words: likewise."),
        click.option("--bias", multiple=True, metavar="WORD=X", help="Add X nats to a word's logit."),
        click.option("--starts-with", default="", metavar="LETTERS", help="The first word begins so."),
        click.option("--min-words", type=int, default=0, metavar="N", help="No sentence ends before so many words."),
        click.option("--ignore-eos", "ignore_end", is_flag=True, help="No sentence ends at all."),
    )
)
"""What may be written: the fields of `Constraints`."""
