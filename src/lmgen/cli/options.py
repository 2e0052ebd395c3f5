"""Options that several commands share."""

from collections.abc import Callable

import click

from lmgen.load import ENGINES
from lmgen.placement import Placement
from lmgen.store import DEFAULT_MODEL


def model_options(command: Callable) -> Callable:
    """Which model, on which engine and devices; the command receives them as keyword arguments."""
    options = (
        click.option(
            "-m",
            "--model",
            default=DEFAULT_MODEL,
            show_default=True,
            metavar="MODEL|FOLDER",
            envvar="LMGEN_MODEL",
            help="A model's name, or a folder in the released layout.",
        ),
        click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="What computes."),
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
        click.option("--log-placement", is_flag=True, help="Print which operation runs on which device."),
        click.option("--allow-growth", is_flag=True, help="Take GPU memory as it is needed, not all at once."),
        click.option(
            "--threads", type=click.IntRange(0), default=0, help="Threads per operation.  [default: all cores]"
        ),
        click.option("-v", "--verbose", is_flag=True, help="Say more on stderr."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def placement(options: dict) -> Placement:
    """Take the placement options out of a command's keyword arguments."""
    return Placement(
        devices=options.pop("devices"),
        soft=options.pop("soft_placement"),
        allow_growth=options.pop("allow_growth"),
        threads=options.pop("threads"),
    )
