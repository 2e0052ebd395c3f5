"""A training run: a folder in which a model is made, and which can be continued after any interruption.

FOLDER/                     the model in the released layout, from the first validation on
FOLDER/training/corpus.npz  the texts as numbers
FOLDER/training/snapshot.npz  everything needed to continue
FOLDER/training/board/      scalars for TensorBoard
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import filelock
import numpy as np

from lmgen.checkpoint import MANIFEST, Defaults, Manifest, safe_name, softmax_rows, write_model
from lmgen.errors import UsageError
from lmgen.text import Vocabulary
from lmgen.training.corpus import Corpus, build_corpus, read_sentences
from lmgen.training.events import Saved, Trained, Validated
from lmgen.training.recipe import About, Budget, Recipe
from lmgen.training.replicas import Replicas
from lmgen.training.trainer import StoppedError, Trainer, read_snapshot, train_steps


class Run:
    """A trainer at work in its folder; of several processes the chief alone writes there."""

    def __init__(self, folder: Path, corpus: Corpus, recipe: Recipe, about: About, replicas: Replicas) -> None:
        self.folder, self.corpus, self.about, self._replicas = folder, corpus, about, replicas
        self.trainer = Trainer(recipe, corpus, Vocabulary(corpus.types[: recipe.words]), replicas)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes."""
        return self._replicas.is_chief

    @property
    def board(self) -> Path:
        """Where scalars for TensorBoard belong."""
        return self.folder / "training" / "board"

    def events(self) -> Iterator[Trained | Validated | Saved]:
        """Train until the budget is spent. However it ends, a snapshot is left, unless one of several processes was lost.

        Raises UsageError while another training is at work in the folder, LmgenError if another process of this one goes.
        """
        with _alone(self.folder) if self._replicas.is_chief else nullcontext(), self._replicas.together() as end:
            try:
                yield from self._events()
            except StoppedError:
                self._save()
                end()

    def _events(self) -> Iterator[Trained | Validated | Saved]:
        saved = validated = self.trainer.progress.seconds
        try:
            for event in train_steps(self.trainer, self.corpus.tokens, self.about.budget):
                yield event
                if event.seconds - saved > 60 * self.about.snapshot_minutes:
                    yield self._save()
                    saved = event.seconds
                if event.seconds - validated > 60 * self.about.validation_minutes:
                    yield self._validate()
                    validated = event.seconds
        finally:
            if self._replicas.count == 1:  # others may be elsewhere, or have gone
                self._save()
        if self._replicas.count > 1:
            self._save()
        yield self._validate()

    def _save(self) -> Saved:
        about = {**asdict(self.about), "budget": asdict(self.about.budget)}
        self.trainer.save(snapshot_path(self.folder), about)
        return Saved(self.trainer.progress.step)

    def _validate(self) -> Validated:
        """Measure the perplexity and write the model as it is now."""
        validated = self.trainer.validate(self.corpus.held_back)
        if not self._replicas.is_chief:
            return validated
        progress, recipe, about = self.trainer.progress, self.trainer.recipe, self.about
        training = {
            "steps": progress.step,
            "tokens": progress.tokens,
            "hours": round(progress.seconds / 3600, 2),
            "validation_perplexity": round(validated.perplexity, 2),
            "validation_targets": validated.targets,
            "recipe": {key: value for key, value in asdict(recipe).items() if key not in ("shape", "words")},
        }
        words = len(self.trainer.vocabulary)
        manifest = Manifest(
            name=about.name,
            description=about.description,
            licence=about.licence,
            shape=recipe.shape,
            words=words,
            context=recipe.context,
            generation=Defaults(about.temperature, about.top_p),
            training=training,
        )
        weights = {name: _rounded(value.numpy()) for name, value in self.trainer.finished.items()}
        write_model(self.folder, manifest, self.trainer.vocabulary, weights, progress.step)
        return validated


def _rounded(weights: np.ndarray) -> np.ndarray:
    """Float32 weights at bfloat16's precision: they predict as well, and pack into little more than half the bytes."""
    bits = weights.view(np.uint32)
    even = (bits >> 16) & 1  # ties go to the even neighbour
    return ((bits + 0x7FFF + even) & 0xFFFF0000).astype(np.uint32).view(np.float32)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a folder."""
    try:
        with filelock.FileLock(folder / "training" / "lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise UsageError(f"another process trains in {folder}: wait for it, or choose another --out") from error


def snapshot_path(folder: Path) -> Path:
    """The file that a run continues from."""
    return folder / "training" / "snapshot.npz"


def _corpus_path(folder: Path) -> Path:
    return folder / "training" / "corpus.npz"


@dataclass(frozen=True)
class Texts:
    """What to train on."""

    paths: tuple[Path, ...]
    """Files of sentences, one a line."""
    held_back: Path | None = None
    """A file to validate on; None for some sentences of the others."""
    raw: bool = False
    """They are not tokenised yet."""


def begin(folder: Path, texts: Texts, recipe: Recipe, about: About, replicas: Replicas | None = None) -> Run:
    """Read the texts and make a new run in `folder`. Raises UsageError if they do not suffice.

    Args:
      replicas: who trains together; all read the same texts.
    """
    replicas = replicas or Replicas()
    if replicas.is_chief:
        _check_target(folder, about)
    kept = read_sentences([texts.held_back], texts.raw) if texts.held_back else None
    corpus = build_corpus(read_sentences(texts.paths, texts.raw), kept, recipe.seed)
    needed = recipe.batch * recipe.window
    if len(corpus.tokens) < needed or not len(corpus.held_back):
        raise UsageError(
            f"the text is too short: {len(corpus.tokens)} words to train on, {len(corpus.held_back)} to validate; "
            f"a batch of {recipe.batch} needs {needed} at least (see --batch)"
        )
    words = min(recipe.words, len(corpus.types))
    recipe = replace(recipe, words=words, shape=replace(recipe.shape, rows=softmax_rows(words)))
    if replicas.is_chief:
        (folder / "training").mkdir(parents=True, exist_ok=True)
        corpus.save(_corpus_path(folder))
    return Run(folder, corpus, recipe, about, replicas)


def _check_target(folder: Path, about: About) -> None:
    """Raise UsageError where a model of this name cannot come to be in this folder."""
    if not safe_name(about.name):
        raise UsageError(f"{about.name!r} cannot be the name of a model: give it one of letters and digits with --name")
    if snapshot_path(folder).exists():
        raise UsageError(f"{folder} holds a training already: continue with --resume, or choose another --out")
    if any(folder.glob("ckpt-*")) or (folder / MANIFEST).exists():
        raise UsageError(f"{folder} holds a model, and stays as it is: choose another --out")


def resume(folder: Path, budget: Budget | None, replicas: Replicas | None = None) -> Run:
    """Continue the run in `folder`, with its own budget or a new one.

    Args:
      replicas: who trains together from now on; all read the folder.
    """
    recipe, stored = read_snapshot(snapshot_path(folder))
    about = About(**{**stored, "budget": budget or Budget(**stored["budget"])})
    run = Run(folder, Corpus.load(_corpus_path(folder)), recipe, about, replicas or Replicas())
    run.trainer.restore(snapshot_path(folder))
    return run
