"""What all commands have: a hint at what was probably meant, and environment variables of their options.

A variable is `LMGEN_COMMAND_OPTION`, by every long name that an option has.
"""

import copy

import click

from lmgen.text import meant


class Suggesting(click.Group):
    """A group that names the nearest command where there is none of a name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does. Raises UsageError for a name that no command has."""
        given = args[0]
        if not given.startswith("-") and self.get_command(ctx, given) is None:
            raise click.UsageError(f"No such command {given!r}. {self.hint(ctx, given)}", ctx)
        return super().resolve_command(ctx, args)

    def hint(self, ctx: click.Context, given: str) -> str:
        """What to do instead."""
        names = self.list_commands(ctx)
        near = meant(given, names)
        return near[:1].upper() + near[1:] or f"There are {', '.join(names)}."


def name_variables(command: click.Command, path: str) -> click.Command:
    """Give the options of a command, and of those below it, their variables.

    An option that can be given several times takes a value from each line: values may hold spaces.
    """
    for option in command.params:
        if isinstance(option, click.Option):
            names = (f"LMGEN {path} {name[2:]}" for name in option.opts if name.startswith("--"))
            own = [name.upper().replace(" ", "_").replace("-", "_") for name in names]
            given = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
            option.envvar = list(dict.fromkeys([*own, *given]))
            if option.multiple:
                option.type = copy.copy(option.type)
                option.type.__dict__["envvar_list_splitter"] = "\n"  # a class's attribute, of this one alone
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        name_variables(below, f"{path} {name}")
    return command
