"""All that can be chosen of a generation, in one frozen value."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from lmgen.errors import UsageError
from lmgen.generation.constraints import Constraints
from lmgen.generation.sampling import Sampling


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
    """Sample s of every prompt draws from a generator seeded [seed, s]. 0 <= seed."""
    sampling: Sampling = field(default_factory=Sampling)
    constraints: Constraints = field(default_factory=Constraints)
    alternatives: int = 0
    """How many of the likeliest words to report with each word. 0 <= alternatives."""
    measure: bool = False
    """Whether to report entropy and masked share with each word."""

    def __post_init__(self) -> None:
        if min(self.samples, self.max_words, self.sentences) < 1:
            raise UsageError("samples, max-words and sentences must be 1 or more")
        if min(self.seed, self.alternatives) < 0:
            raise UsageError("the seed and the number of alternatives must be 0 or more")
        if "" in self.stop:
            raise UsageError("a stop text cannot be empty")


def changed(options: Generation, changes: dict[str, Any]) -> Generation:
    """Options with some fields set anew, be they of Generation, Sampling or Constraints.

    Raises UsageError for a value of the wrong type or out of range; unknown names are left alone.
    """
    try:
        return replace(
            options,
            sampling=replace(options.sampling, **_fields_of(Sampling, changes)),
            constraints=replace(options.constraints, **_fields_of(Constraints, changes)),
            **_fields_of(Generation, changes),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"an option has a value of the wrong type: {error}") from error


def flat(options: Generation) -> dict[str, Any]:
    """All options by their names, as `changed` takes them."""
    named = asdict(options)
    return {**named.pop("sampling"), **named.pop("constraints"), **named}


def option_names() -> set[str]:
    """Names that `changed` knows."""
    return {known.name for kind in (Generation, Sampling, Constraints) for known in fields(kind)}


def _fields_of(kind: type, changes: dict[str, Any]) -> dict[str, Any]:
    named = {known.name: known for known in fields(kind) if known.name not in ("sampling", "constraints")}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items() if name in named
    }
