"""Word vectors for TensorBoard's projector."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from lmgen.board.record import new_run
from lmgen.board.summaries import Writer, text_value
from lmgen.engines import look_inside
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.text import MARKS, Vocabulary

MOST = 100_000
"""TensorBoard reads no more rows."""
BLOCK = 256
"""Words whose vectors are computed at once."""


def frequent(vocabulary: Vocabulary, count: int) -> list[str]:
    """The most frequent words, without the marks: vocabularies are in order of frequency."""
    return [word for word in vocabulary.words[: count + len(MARKS)] if word not in MARKS][:count]


def known(vocabulary: Vocabulary, words: Iterable[str]) -> list[str]:
    """Those words that have a row in the softmax, each once. Raises UsageError if none has."""
    found = [word for word in dict.fromkeys(words) if word in vocabulary]
    if not found:
        raise UsageError("none of these words is in the model's vocabulary")
    return found


def write_vectors(model: LanguageModel, words: Sequence[str], folder: Path) -> Path:
    """Write what the projector shows of words: their vectors in both spaces, rank and length.

    `input`: what the LSTM sees of a word, from its characters. `output`: its row of the softmax. Both are
    float32 [words, projection] in files of their own, beside metadata.tsv and projector_config.pbtxt, in a new
    run folder, which is returned. Raises UsageError for more words than TensorBoard reads.
    """
    if len(words) > MOST:
        raise UsageError(f"TensorBoard's projector reads {MOST:,} vectors at most, not {len(words):,}")
    run = new_run(folder, "vectors")
    config = ProjectorConfig()
    inside = look_inside(model)

    def softmax_rows(some: Sequence[str]) -> np.ndarray:
        return inside.output_vectors(list(map(model.vocabulary.id, some)))

    for space, vectors in {"input": model.vectors, "output": softmax_rows}.items():
        file = run / f"{space}.bytes"
        with open(file, "wb") as out:
            out.writelines(vectors(words[start : start + BLOCK]).tobytes() for start in range(0, len(words), BLOCK))
        size = file.stat().st_size // (len(words) * 4)
        config.embeddings.add(
            tensor_name=space, tensor_path=file.name, tensor_shape=[len(words), size], metadata_path="metadata.tsv"
        )
    rows = (f"{word}\t{model.vocabulary.id(word) + 1}\t{len(word)}\n" for word in words)
    with open(run / "metadata.tsv", "w", encoding="utf-8", errors="replace") as table:
        table.writelines(["word\trank\tlength\n", *rows])
    (run / "projector_config.pbtxt").write_text(text_format.MessageToString(config))
    _show_as_run(run, len(words))
    return run


def _show_as_run(run: Path, count: int) -> None:
    """TensorBoard looks for vectors only where there are events too."""
    writer = Writer(run)
    writer.write(0, [text_value("text/vectors", f"{count:,} words: see the projector")])
    writer.close()
