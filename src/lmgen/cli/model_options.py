"""Options of the model: which, and on which engine and devices."""

from collections.abc import Callable
from dataclasses import dataclass

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.converting import convert_first
from lmgen.cli.options import complete_local, group, report
from lmgen.engines import ENGINES, PRECISIONS, EngineOptions, Placement, load
from lmgen.errors import UsageError
from lmgen.export import is_better_converted
from lmgen.model import LanguageModel, PlacedModel
from lmgen.store import DEFAULT_MODEL, find


@dataclass(frozen=True)
class ModelChoice:
    """A model, and what is to compute it."""

    name: str
    """A name, or a folder in the released layout."""
    engine: EngineOptions
    log_placement: bool

    def find(self) -> ModelFiles:
        """Its files."""
        return find(self.name)

    def open(self, files: ModelFiles, converts: bool = False) -> LanguageModel:
        """The model of these files, on the engine that was asked for; see `open_files`."""
        model = open_files(files, self.engine, converts)
        if self.log_placement and isinstance(model, PlacedModel):
            report(model.placement())
        return model


def open_files(files: ModelFiles, engine: EngineOptions, converts: bool = False) -> LanguageModel:
    """A model, converted first if `converts`, if it is small, or if there is no TensorFlow to run it as it is."""

    def convert(files: ModelFiles, precision: str) -> None:
        if converts or is_better_converted(files, precision):
            convert_first(files, precision, engine.verbose)

    return load(files, engine, convert)


def precision(default: str) -> Callable:
    """An option: how exactly converted files compute."""
    return click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default=default,
        show_default=True,
        help="Precision of converted files: int8 (fast), float32, or float32's choices by way of int8 (exact).",
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


def _choice(model: str, engine: str, log_placement: bool, **options) -> ModelChoice:
    if log_placement and engine == "litert":
        raise UsageError("operations are placed by the session alone: leave out --engine litert")
    precision, spelled, verbose = (options.pop(name) for name in ("precision", "spelled_marks", "verbose"))
    engine = "session" if log_placement else engine
    return ModelChoice(model, EngineOptions(engine, precision, Placement(**options), spelled, verbose), log_placement)


def model_options(default_precision: str) -> Callable:
    """The group `model`: a `ModelChoice`."""
    return group(
        "model",
        _choice,
        precision(default_precision),
        MODEL_NAME,
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            default="auto",
            show_default=True,
            help="Engine that computes; auto is litert where the model has been converted and no device is asked for.",
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
            "soft",
            help="Let the CPU stand in for a device that is absent or cannot run an operation.",
        ),
        click.option(
            "--spelled-marks", is_flag=True, help="Read <S> and </S> by their spelling, as the sample mode of 2016 did."
        ),
        click.option("--log-placement", is_flag=True, help="Print which operation runs on which device."),
        click.option("--allow-growth", is_flag=True, help="Take GPU memory as it is needed, not all at once."),
        click.option(
            "--threads", type=click.IntRange(0), default=0, help="Threads per operation.  [default: all cores]"
        ),
        click.option("-v", "--verbose", is_flag=True, help="Print more on stderr."),
    )
