"""Environment variables of options: `LMGEN_COMMAND_OPTION`, by every long name that an option has."""

import copy

import click


def name_variables(command: click.Command, path: str) -> click.Command:
    """Give the options of a command, and of those below it, their variables.

    An option that can be given several times takes a value from each line: values may hold spaces.
    """
    for option in command.params:
        if isinstance(option, click.Option):
            own = [_variable(path, name) for name in option.opts if name.startswith("--")]
            given = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
            option.envvar = list(dict.fromkeys([*own, *given]))
            if option.multiple:
                option.type = copy.copy(option.type)
                option.type.__dict__["envvar_list_splitter"] = "\n"  # a class's attribute, of this one alone
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        name_variables(below, f"{path} {name}")
    return command


def _variable(path: str, name: str) -> str:
    return f"LMGEN {path} {name[2:]}".upper().replace(" ", "_").replace("-", "_")
