"""All that can be chosen of a generation, in one frozen value."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from lmgen.checkpoint import ModelFiles
from lmgen.errors import UsageError
from lmgen.generation.constraints import Constraints
from lmgen.generation.sampling import Sampling

TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
NESTED = {"sampling", "constraints"}
"""Fields of `Generation` that hold options of their own."""


@dataclass(frozen=True)
class Generation:
    """What to write."""

    samples: int = 1
    """Continuations of each prompt. 1 <= samples."""
    max_words: int = 100
    """Words of each at most; `</S>` ends it sooner. 1 <= max_words."""
    sentences: int = 1
    """Sentences to end before it ends; the memory is carried from one to the next. 1 <= sentences."""
    stop: tuple[str, ...] = ()
    """A continuation ends with the word in which one of these texts is complete."""
    seed: int = 0
    """Sample s of prompt p, both from 0, draws from a generator seeded [seed, s, p]. 0 <= seed."""
    sampling: Sampling = field(default_factory=Sampling)
    constraints: Constraints = field(default_factory=Constraints)
    alternatives: int = 0
    """How many of the most likely words to report with each word. 0 <= alternatives."""
    measure: bool = False
    """Whether to report entropy and masked share with each word."""
    audit: bool = False
    """Whether the intervals reported are those of the model's own distribution, where a draw did not need it."""

    def __post_init__(self) -> None:
        if min(self.samples, self.max_words, self.sentences) < 1:
            raise UsageError("samples, max-words and sentences must be 1 or more")
        if min(self.seed, self.alternatives) < 0:
            raise UsageError("the seed and the number of alternatives must be 0 or more")
        if "" in self.stop:
            raise UsageError("a stop text cannot be empty")


def defaults(files: ModelFiles) -> Generation:
    """What is written where the user says nothing: the temperature and top-p of the model's manifest."""
    return Generation(sampling=Sampling(temperature=files.defaults.temperature, top_p=files.defaults.top_p))


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Options without those that say nothing, whose value is None."""
    return {name: value for name, value in options.items() if value is not None}


def changed(options: Generation, changes: dict[str, Any]) -> Generation:
    """Options with some fields replaced, which may be of Generation, Sampling or Constraints.

    Raises UsageError for a value of the wrong type or out of range; unknown names are left alone.
    """
    return replace(
        options,
        sampling=replace(options.sampling, **_fields_of(Sampling, changes)),
        constraints=replace(options.constraints, **_fields_of(Constraints, changes)),
        **_fields_of(Generation, changes),
    )


def flat(options: Generation) -> dict[str, Any]:
    """All options by their names, as `changed` takes them."""
    named = asdict(options)
    return {**named.pop("sampling"), **named.pop("constraints"), **named}


ALIASES = {
    "ignore_eos": "ignore_end",
    "max_tokens": "max_words",
    "mirostat_ent": "mirostat_tau",
    "mirostat_lr": "mirostat_eta",
    "no_repeat_ngram_size": "no_repeat_ngram",
    "num_samples": "samples",
    "repeat_penalty": "repetition_penalty",
    "samplers": "order",
    "temp": "temperature",
    "top_nsigma": "top_n_sigma",
    "typical_p": "typical",
}
"""Other names of options on the command line."""


def split_options(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `changed` knows, under its own names, and the rest. `max-words` and `num_samples` are known too."""
    known = {field.name for kind in (Generation, Sampling, Constraints) for field in fields(kind)}
    names = {name: name.replace("-", "_") for name in given}
    names = {name: ALIASES.get(plain, plain) for name, plain in names.items()}
    mine = {names[name]: value for name, value in given.items() if names[name] in known - NESTED}
    return mine, {name: value for name, value in given.items() if names[name] not in known - NESTED}


def _fields_of(kind: type, changes: dict[str, Any]) -> dict[str, Any]:
    known = {field.name: field.type for field in fields(kind) if field.name not in NESTED}
    return {name: _checked(name, value, known[name]) for name, value in changes.items() if name in known}


def _checked(name: str, value: Any, kind: Any) -> Any:
    """A value of an option's type, made from JSON's where they differ. Raises UsageError for any other."""
    if kind in TYPES:
        fits = type(value) is kind or (kind is float and type(value) is int)
    else:
        fits = isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)
        value = tuple(value) if fits else value
    if not fits:
        raise UsageError(f"{name.replace('_', '-')} must be {TYPES.get(kind, 'a list of texts')}, not {value!r}")
    return value
