"""A session in one file: the texts, the model's memory of them, and the settings.

It is a NumPy archive: `facts`, JSON, and for every branch and layer the memories after each word, float32
[words, cells + projection].
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmgen.errors import IntegrityError, LmgenError, MissingError, UsageError
from lmgen.generation import Generation, changed, flat
from lmgen.model import LanguageModel
from lmgen.repl.draft import Draft
from lmgen.text import SENTENCE_START, whole_file

TOLERANCE = 1e-3
"""Memories of the same model differ less, on whatever device or engine they were made."""

DAMAGE = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError),
    *(LmgenError, zipfile.BadZipFile, zlib.error),
)
"""What reading a file that is not whole may raise."""


@dataclass(frozen=True)
class Session:
    """What a file holds."""

    model: str
    """Its name, or its folder."""
    branch: str
    """The current one."""
    branches: dict[str, Draft]
    options: Generation


def save(session: Session, path: Path) -> None:
    """Write a session, whole or not at all. Raises UsageError for a file that holds anything else."""
    if path.is_file() and not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is not a saved session, and stays as it is: choose another name")
    arrays: dict[str, Any] = {}
    branches: dict[str, dict[str, Any]] = {}
    for name, draft in session.branches.items():
        branches[name] = {"words": draft.words, "written": draft.written}
        for layer, states in enumerate(zip(*draft.states, strict=True)):
            arrays[f"{layer}:{name}"] = np.concatenate(states)
    facts = {"model": session.model, "branch": session.branch, "branches": branches, "options": flat(session.options)}
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, facts=json.dumps(facts), **arrays)


def load(path: Path, model: LanguageModel) -> Session:
    """Read a session that was saved with this model.

    Raises IntegrityError for a damaged file, UsageError if another model made it.
    """
    try:
        with np.load(path) as stored:
            facts = json.loads(str(stored["facts"]))
            layers = len(model.start())
            branches = {
                name: _draft(branch, [stored[f"{layer}:{name}"] for layer in range(layers)])
                for name, branch in facts["branches"].items()
            }
        session = Session(facts["model"], facts["branch"], branches, changed(Generation(), facts["options"]))
        first = branches[session.branch].states[0]
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}") from error
    except DAMAGE as error:
        raise IntegrityError(f"{path} is damaged, or not what /save writes: nothing was loaded") from error
    _check(first, model, f"{path} was saved with the model {session.model}: type /model {session.model} first")
    return session


def _draft(facts: dict, layers: list[np.ndarray]) -> Draft:
    """A text and its memories. Raises ValueError where they do not fit together."""
    words = facts["words"]
    if words[0] != SENTENCE_START or not all(len(states) == len(words) for states in layers):
        raise ValueError("as many memories as words are needed")
    rows = zip(*([states[row : row + 1] for row in range(len(words))] for states in layers), strict=True)
    return Draft(tuple(words), tuple(rows), int(facts["written"]))


def _check(first: tuple[np.ndarray, ...], model: LanguageModel, message: str) -> None:
    """Whether the memory after `<S>` is this model's."""
    own = model.advance(model.start(), [SENTENCE_START])
    for stored, layer in zip(first, own, strict=True):
        if stored.shape != layer.shape or not np.allclose(stored, layer, atol=TOLERANCE):
            raise UsageError(message)
