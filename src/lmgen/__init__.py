"""Word-level language models of the lm_1b family.

lm = lmgen.load("mini")
lm.surprisal("The horse raced past the barn fell.")
"""

__all__ = ["load"]


def load(model: str | None = None, scoring=None, tokenized: bool = False, **options):
    """Load a model: an `lmgen.api.LM`.

    Args:
      model: a name that `lmgen models list` shows, or a folder in the released layout; None for the default.
      scoring: a `lmgen.scoring.Scoring`: how texts are read and scored.
      tokenized: texts given to it are words with spaces between already.
      options: engine, placement, verbose and spelled_marks of `lmgen.engines.load`.
    """
    from lmgen import api
    from lmgen.engines import loading as engines
    from lmgen.store import library as store  # what a model needs takes seconds to import

    return api.LM(engines.load(model or store.DEFAULT_MODEL, **options), scoring or api.Scoring(), tokenized)
