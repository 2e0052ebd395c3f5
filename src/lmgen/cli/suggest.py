"""Groups of commands that say which one was probably meant."""

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
