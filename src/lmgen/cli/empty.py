"""Empty names of files, models, columns: what a shell makes of a variable that is not set."""

from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from lmgen.errors import UsageError

TEXTS = frozenset(
    ("prefix", "text", "given", "suffix", "starts_with", "match", "description", "licence", "root_path", "delimiter")
    + ("stop", "ban", "allow", "bias")
)
"""Parameters that are texts: an empty one says something, or is refused in words of its own."""


def refuse_empty(command: click.Command) -> click.Command:
    """Make a command, and those below it, refuse an empty value of all parameters but TEXTS."""
    for parameter in command.params:
        if parameter.name not in TEXTS:
            parameter.__dict__["process_value"] = partial(_process, parameter)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        refuse_empty(below)
    return command


def _process(parameter: click.Parameter, context: click.Context, value: Any) -> Any:
    """As Click does. A path would be made `.` of an empty text. Raises UsageError."""
    given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    left_out = getattr(parameter, "flag_value", None)  # of `--board` without a folder
    if given and value != left_out and "" in (value if isinstance(value, (list, tuple)) else (value,)):
        name = parameter.opts[-1] if isinstance(parameter, click.Option) else parameter.human_readable_name.strip("[].")
        raise UsageError(f"{name} is empty: give it a value, or leave it out")
    return type(parameter).process_value(parameter, context, value)
