"""A name or a folder becomes a model, on the engine asked for."""

from lmgen.engines.litert_files import PRECISIONS, find_converted
from lmgen.engines.placement import Placement
from lmgen.engines.quiet import quiet_end, quiet_tensorflow
from lmgen.errors import MissingError, UsageError
from lmgen.model import LanguageModel
from lmgen.store import DEFAULT_MODEL, find

ENGINES = ("auto", "litert", "session")


def load(
    model: str = DEFAULT_MODEL,
    engine: str = "auto",
    placement: Placement = Placement(),  # noqa: B008 (immutable)
    precision: str = "float32",
    verbose: bool = False,
    spelled_marks: bool = False,
) -> LanguageModel:
    """Load a model.

    Args:
      model: a name that `lmgen models list` shows, or a folder in the released layout.
      engine: `litert` runs converted files; `session` the GraphDef and its checkpoint; `auto` is litert
        where the model has been converted and no device is asked for.
      placement: of the session; litert heeds the number of threads alone.
      precision: of litert, `fast`, `exact` or `float32`; a session computes in float32 always.
      verbose: let the engines say what they like to.
      spelled_marks: read `<S>` and `</S>` by their letters.

    Raises LmgenError of the kind that fits.
    """
    if engine not in ENGINES or precision not in PRECISIONS:
        raise UsageError(f"no engine {engine!r} or precision {precision!r}: choose from {ENGINES}, {PRECISIONS}")
    files = find(model)
    if engine == "litert" and placement.places:
        raise UsageError("devices are placed by the session alone: leave out --engine litert")
    converted = None if engine == "session" or placement.places else find_converted(files, precision)
    if engine == "litert" and not converted:
        raise MissingError(f"{model} has no files in {precision}: lmgen convert {model} --precision {precision}")
    with quiet_tensorflow(verbose):
        if converted:
            from lmgen.engines.litert import LiteRTModel

            if not verbose:
                quiet_end()
            if precision == "exact":
                from lmgen.engines.exact import ExactModel

                return ExactModel(files, converted, placement.threads, spelled_marks)
            return LiteRTModel(files, converted, placement.threads, spelled_marks)
        from lmgen.engines.session import SessionModel

        return SessionModel(files, placement, spelled_marks)
