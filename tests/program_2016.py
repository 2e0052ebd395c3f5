"""How programs written for the release use it: one word per call, the memory inside the graph."""

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

NAMES = (
    *("states_init", "lstm/lstm_0/control_dependency:0", "lstm/lstm_1/control_dependency:0", "softmax_out:0"),
    *("class_ids_out:0", "class_weights_out:0", "log_perplexity_out:0", "inputs_in:0", "targets_in:0"),
    *("target_weights_in:0", "char_inputs_in:0", "all_embs_out:0", "Reshape_3:0", "global_step:0"),
)


def run_2016(folder, steps):
    """Load a folder and feed it steps: (character ids [50], target id). Returns what was fetched at each."""
    v1 = tf.compat.v1
    definition = v1.GraphDef()
    [graph_file] = folder.glob("graph-*.pbtxt")
    text_format.Parse(graph_file.read_text(), definition)
    with tf.Graph().as_default(), v1.Session() as session:
        t = dict(zip(NAMES, tf.import_graph_def(definition, {}, list(NAMES), name=""), strict=True))
        session.run("save/restore_all", {"save/Const:0": str(folder / "ckpt-*")})
        session.run(t["states_init"])
        fetched = {
            "global_step": session.run(t["global_step:0"]),
            "weights": session.run(t["Reshape_3:0"]),
            "steps": [],
        }
        for characters, target in steps:
            feeds = {
                t["char_inputs_in:0"]: np.reshape(characters, (1, 1, 50)),
                t["inputs_in:0"]: [[0]],
                t["targets_in:0"]: [[target]],
                t["target_weights_in:0"]: [[1.0]],
            }
            outputs = [name for name in NAMES if "_out" in name or "control" in name]
            fetched["steps"].append(dict(zip(outputs, session.run([t[name] for name in outputs], feeds), strict=True)))
    return fetched
