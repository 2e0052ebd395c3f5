"""The released graph as its own program ran it in 2016: one word per session.run, the memory in the graph.

At every word it joins all weights from their shards and fetches the whole softmax. It is what speeds are
compared with: nothing is made better here. (tensorflow/models, research/lm_1b/lm_1b_eval.py)
"""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import ModelFiles, file_pattern, read_graph, shape_of
from lmgen.text import SENTENCE_START, Vocabulary

v1 = tf.compat.v1


class Original:
    """One text at a time; there is no way to go back to what was read before."""

    def __init__(self, files: ModelFiles) -> None:
        self.vocabulary, definition = Vocabulary.load(files.vocabulary), read_graph(files.graph)
        self.shape = shape_of(definition, files.graph)
        config = v1.ConfigProto(allow_soft_placement=True)  # the release names GPUs
        self._session = v1.Session(graph=tf.Graph(), config=config)
        with self._session.graph.as_default():
            tf.import_graph_def(v1.GraphDef.FromString(definition.SerializeToString()), name="")
        self._session.run("save/restore_all", {"save/Const:0": f"{file_pattern(files.folder)}/ckpt-*"})

    def read(self, words: Sequence[str]) -> np.ndarray:
        """Begin a text and read words: how likely each word comes next, float32 [softmax rows]."""
        self._session.run("states_init")
        for word in (SENTENCE_START, *words):
            softmax = self.read_on(word)
        return softmax

    def read_on(self, word: str) -> np.ndarray:
        """Read one more word: how likely each comes next, float32 [softmax rows]."""
        feeds = {
            "char_inputs_in:0": self.vocabulary.char_ids(word).reshape(1, 1, -1),
            "inputs_in:0": [[0]],
            "targets_in:0": [[0]],
            "target_weights_in:0": [[1.0]],
        }
        return self._session.run("softmax_out:0", feeds)[0]

    def write(self, prefix: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
        """Continue a prefix, without an end."""
        softmax = self.read(prefix)
        while True:
            drawn = int(np.sum(np.cumsum(softmax) < rng.random()))
            word = self.vocabulary.word(min(drawn, len(self.vocabulary) - 1))
            yield word
            softmax = self.read_on(word)
