import pytest

from lmgen.cli.repl import settable
from lmgen.errors import UsageError
from lmgen.generation.options import Generation, changed, flat
from lmgen.repl.settings import Settings

SETTINGS = Settings(settable.params)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("temperature", ["0.7"], {"temperature": 0.7}),
        ("temp", ["0.7"], {"temperature": 0.7}),
        ("--top-k", ["40"], {"top_k": 40}),
        ("top_k", ["40"], {"top_k": 40}),
        ("ban", ["the", "a"], {"ban": ("the", "a")}),
        ("ban", [], {"ban": ()}),
        ("temperature", [], {"temperature": None}),
        ("ignore-eos", ["on"], {"ignore_end": True}),
        ("samplers", ["top-k,temperature"], {"order": ("top-k", "temperature")}),
        ("seed", ["-1"], {"seed": -1}),
    ],
)
def test_options_have_the_command_lines_names_and_types(name, values, expected):
    assert SETTINGS.parse(name, values) == expected


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("temperature", ["hot"], "'hot' is not a valid float"),
        ("temprature", ["1"], "do you mean temperature?"),
        ("xyzzy", ["1"], "/show lists them"),
        ("ignore-eos", ["maybe"], "on or off"),
        ("top-k", ["1", "2"], "takes one value"),
        ("color-by", ["mood"], "'surprisal'"),
    ],
)
def test_refusals_say_what_is_wrong(name, values, message):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        SETTINGS.parse(name, values)


def test_every_option_of_generation_can_be_shown():
    """Except what the REPL has no use for."""
    shown = {SETTINGS.parse(name, []).popitem()[0] for name in SETTINGS.names}

    assert set(flat(Generation())) - shown == {"samples", "alternatives", "measure", "audit"}


def test_rows_show_values_as_they_are_given_and_mark_changes():
    options = changed(Generation(), {"temperature": 0.7, "ban": ("the", "a"), "seed": 3})

    rows = {name: (value, is_changed) for name, value, is_changed in SETTINGS.rows(flat(options), flat(Generation()))}

    assert rows["temperature"] == ("0.7", True)
    assert rows["ban"] == ("the a", True)
    assert rows["ignore-eos"] == ("off", False)
    assert rows["samplers"][0].startswith("repetition,presence,")
