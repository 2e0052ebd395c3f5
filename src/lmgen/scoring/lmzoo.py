"""What lm-zoo asks of a model (cpllab/lm-zoo): its tokens, its predictions in HDF5, and a specification."""

import io
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lmgen.checkpoint import ModelFiles
from lmgen.errors import UnsupportedError
from lmgen.model import LanguageModel
from lmgen.scoring.formats import zoo_tokens
from lmgen.scoring.measure import LEAST_POSITIONS, Scoring
from lmgen.scoring.score import Sentence, hidden_states
from lmgen.softmax import log_total
from lmgen.text import SENTENCE_END, SENTENCE_START, UNKNOWN, Vocabulary

REFERENCE = "https://arxiv.org/abs/1602.02410"


Predictions = tuple[Sentence, Iterable[np.ndarray]]
"""A sentence and what `predicted` yields of it."""


def write_predictions(found: Iterable[Predictions], vocabulary: Vocabulary, path: Path) -> int:
    """Write the whole distribution at every token of sentences to an HDF5 file; returns how many tokens.

    `/sentence/<i>/predictions`: float32 [tokens, words], ln of probabilities, i the place in the input from 0; the row
    of `<S>`, which nothing predicts, is uniform. `/sentence/<i>/tokens`: int32 ids. `/vocabulary`: words in UTF-8.
    """
    import h5py

    words, count = utf8_words(vocabulary), 0
    with _Kept(path, "w+") as raw:
        file = h5py.File(raw, "w")
        try:
            with _step(raw):
                file["vocabulary"] = np.array([word.encode() for word in words])
            for sentence, blocks in found:
                ids = [vocabulary.id(token) for token in zoo_tokens(sentence.words, vocabulary)]
                with _step(raw):
                    rows, begin = _begin(file.create_group(f"sentence/{sentence.number - 1}"), ids, len(words)), 1
                for block in blocks:
                    with _step(raw):
                        rows[begin : begin + len(block)] = block
                    begin += len(block)
                count += len(ids)
        finally:
            with _step(raw):
                file.close()
    return count


def _begin(group: Any, ids: list[int], words: int) -> Any:
    """A sentence's datasets; returns that of the predictions, with its first row."""
    group["tokens"] = np.array(ids, np.int32)
    rows = group.create_dataset("predictions", (len(ids), words), "f4", chunks=(1, words), compression=1)
    rows[0] = -np.log(words)
    return rows


class _Kept(io.FileIO):
    """A file for HDF5, which ends the process if a write fails: the first error is kept, and then nothing is written."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


@contextmanager
def _step(file: _Kept) -> Iterator[None]:
    """Raise afterwards what the file kept. Signals wait too: what they raise among HDF5's calls would be lost."""
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        for number in before:
            signal.signal(number, lambda came, _frame: waiting.append(came))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])
        if file.error:
            raise file.error


def predicted(model: LanguageModel, sentence: Sentence, options: Scoring) -> Iterator[np.ndarray]:
    """Natural logarithms of all words' probabilities at each token but `<S>`: blocks of float32 [tokens, words]."""
    hidden = hidden_states(model, sentence, options)
    for begin in range(0, len(hidden), LEAST_POSITIONS):
        logits = model.logits_of(hidden[begin : begin + LEAST_POSITIONS])
        words = logits[:, : len(model.vocabulary)]
        yield words - log_total(words if options.renormalize else logits).astype(np.float32)


def specification(files: ModelFiles, vocabulary: Vocabulary) -> dict[str, Any]:
    """What lm-zoo's `spec` prints; `image` describes the program, since no container is needed."""
    written = datetime.fromtimestamp(files.graph.stat().st_mtime, timezone.utc)
    return {
        "name": files.folder.name,
        "ref_url": REFERENCE,
        "image": {
            "maintainer": "lmgen",
            "version": version("lmgen"),
            "datetime": written.isoformat(timespec="seconds"),
            "supported_features": {
                **dict.fromkeys(("tokenize", "unkify", "get_surprisals", "get_predictions"), True),
                "mount_checkpoint": False,
            },
            "gpu": {"required": False, "supported": True},
        },
        "vocabulary": {
            "items": utf8_words(vocabulary),
            "unk_types": [UNKNOWN],
            "prefix_types": [SENTENCE_START],
            "suffix_types": [SENTENCE_END],
            "special_types": [],
        },
        "tokenizer": {"type": "word", "cased": True, "behaviors": ["moses"]},
    }


def utf8_words(vocabulary: Vocabulary) -> list[str]:
    """The vocabulary's words. Raises UnsupportedError if one is not UTF-8, as lm-zoo's formats want it."""
    try:
        "\n".join(vocabulary.words).encode()
    except UnicodeEncodeError as error:
        raise UnsupportedError("this model has words that are not UTF-8: lm-zoo's formats cannot hold them") from error
    return vocabulary.words
