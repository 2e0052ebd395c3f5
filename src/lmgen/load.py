"""A name or a folder becomes a model, on the engine asked for."""

from lmgen.model import LanguageModel
from lmgen.placement import Placement
from lmgen.quiet import quiet_tensorflow
from lmgen.store import DEFAULT_MODEL, find

ENGINES = ("auto", "session")


def load(
    model: str = DEFAULT_MODEL,
    engine: str = "auto",
    placement: Placement = Placement(),  # noqa: B008 (immutable)
    verbose: bool = False,
    spelled_marks: bool = False,
) -> LanguageModel:
    """Load a model.

    Args:
      model: a name that `lmgen models list` shows, or a folder in the released layout.
      engine: `session`; `auto` is the fastest there is for this model.
      spelled_marks: read `<S>` and `</S>` by their letters, as some programs written for the release did.
      verbose: let TensorFlow say what it likes to.
    """
    if engine not in ENGINES:
        raise ValueError(f"no engine {engine!r}: choose from {', '.join(ENGINES)}")
    files = find(model)
    with quiet_tensorflow(verbose):
        from lmgen.session import SessionModel

        return SessionModel(files, placement, spelled_marks)
