"""`lmgen version`: what runs here."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version as version_of
from pathlib import Path

import click

from lmgen.store import home

PARTS = {"NumPy": "numpy", "LiteRT": "ai-edge-litert", "TensorFlow": "tensorflow"}
"""Packages that compute, by the names they are known by."""


@click.command()
def version() -> None:
    """Print what a report of a fault needs: versions, processor, system, and where models and caches are.

    \b
    Examples:
      lmgen version
    """
    click.echo(f"lmgen: {version_of('lmgen')}")
    click.echo(f"Python: {platform.python_version()}")
    for name, package in PARTS.items():
        click.echo(f"{name}: {_installed(package)}")
    click.echo(f"processor: {_processor()}, {os.cpu_count()} cores")
    click.echo(f"system: {platform.platform()}")
    click.echo(f"models and caches: {home()}")


def _installed(package: str) -> str:
    try:
        return version_of(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """The processor's name; Linux alone has it in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
