"""Options of the command line, set one at a time while a program runs."""

from collections.abc import Sequence
from typing import Any

import click

from lmgen.errors import UsageError
from lmgen.text import meant

SWITCH = {"on": True, "off": False}


class Settings:
    """Options by their names on the command line without dashes: `top-k`."""

    def __init__(self, options: Sequence[click.Option]) -> None:
        self._command = click.Command("set", params=list(options), add_help_option=False)
        self._options = {name[2:]: option for option in options for name in option.opts if name.startswith("--")}
        self._names = {option.name: name for name, option in reversed(self._options.items())}
        self._defaults = self._command.make_context("set", []).params

    @property
    def names(self) -> list[str]:
        """The first long name of each."""
        return sorted(self._names.values())

    def parse(self, name: str, values: Sequence[str]) -> dict[str, Any]:
        """The parameter's name and its new value; without values its default. A flag is `on` or `off`.

        Raises UsageError as the command line would.
        """
        option = self._option(name.removeprefix("--").replace("_", "-"))
        if not values:
            return {option.name: self._defaults[option.name]}
        if len(values) > 1 and not option.multiple:
            raise UsageError(f"{name} takes one value, not {len(values)}")
        if option.is_flag:
            if values[0] not in SWITCH:
                raise UsageError(f"{name} is on or off, not {values[0]!r}")
            return {option.name: SWITCH[values[0]]}
        try:
            arguments = [f"{option.opts[-1]}={value}" for value in values]
            return {option.name: self._command.make_context("set", arguments).params[option.name]}
        except click.ClickException as error:
            raise UsageError(error.format_message()) from error

    def rows(self, values: dict[str, Any], defaults: dict[str, Any]) -> list[tuple[str, str, bool]]:
        """Name, value and whether it is not the default, of every option among `values`.

        Args:
          defaults: of options whose default is the model's.
        """
        rows = []
        for shown in self.names:
            option = self._options[shown]
            if option.name in values:
                value, default = values[option.name], self._defaults[option.name]
                default = defaults.get(option.name) if default is None else default
                rows.append((shown, _as_text(value, option), value != default))
        return rows

    def _option(self, name: str) -> click.Option:
        if name in self._options:
            return self._options[name]
        raise UsageError(f"there is no option {name!r}: {meant(name, self._options) or '/show lists them'}")


def _as_text(value: Any, option: click.Option) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return (" " if option.multiple else ",").join(value)
    return "" if value is None else str(value)
