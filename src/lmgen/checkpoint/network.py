"""The same network written plainly, in float32 with TensorFlow's own gradients: no trick at all.

It is what `network.py` is tested against and timed against, and the place to read what the network is.
"""

import tensorflow as tf

from lmgen.checkpoint.shape import CARRY_BIAS, FORGET_BIAS, WIDTHS, Shape


def word_vectors(weights, shape: Shape, characters):
    """Vectors of words, float32 [words, projection], from their character ids, int32 [words, 50].

    Args:
      weights: float32, by their names without shards; so in all functions here.
    """
    letters = tf.gather(weights["char_embedding/W"], characters)
    features = []
    for index in range(len(WIDTHS)):
        name = f"char_embedding/cnn_{index}"
        maps = tf.nn.conv1d(letters, weights[f"{name}/kernel"][:, :, 0], 1, "VALID") + weights[f"{name}/b"][0]
        features.append(tf.reduce_max(tf.nn.relu(maps), 1))
    x = tf.concat(features, 1)
    for index in range(shape.highways):
        name = f"char_embedding/dense_{index}"
        gate = tf.sigmoid(x @ weights[f"{name}/gate/W"] + weights[f"{name}/gate/b"] + CARRY_BIAS)
        x = gate * tf.nn.relu(x @ weights[f"{name}/tr/W"] + weights[f"{name}/tr/b"]) + (1 - gate) * x
    return x @ weights["char_embedding/proj/W"] + weights["char_embedding/proj/b"]


def lstm_step(weights, layer: str, x, state, product=tf.matmul):
    """One step of a projected peephole LSTM (Sak et al. 2014): the new state.

    Args:
      layer: its scope, `lstm/lstm_0` for the first.
      x: the input, float32 [rows, projection].
      state: c then h, float32 [rows, cells + projection], as is the one returned.
      product: multiplies by a matrix.
    """
    cells = weights[f"{layer}/W_F_diag"].shape[0]
    c, h = state[:, :cells], state[:, cells:]
    z = product(tf.concat([x, h], 1), weights[f"{layer}/W"]) + weights[f"{layer}/B"]
    i, j, f, o = tf.split(z, 4, 1)
    peep_f, peep_i, peep_o = (weights[f"{layer}/W_{gate}_diag"] for gate in "FIO")
    c = tf.sigmoid(f + FORGET_BIAS + peep_f * c) * c + tf.sigmoid(i + peep_i * c) * tf.tanh(j)
    h = product(tf.sigmoid(o + peep_o * c) * tf.tanh(c), weights[f"{layer}/W_P"])
    return tf.concat([c, h], 1)


def read(weights, shape: Shape, characters, keep, states):
    """Read a window of text: all outputs h, float32 [steps, rows, projection], and the states after it.

    Args:
      characters: of the words, int32 [steps, rows, 50].
      keep: what the states are multiplied by before each step, float32 [steps, rows, 1]: 0 empties them.
      states: one for each layer, float32 [rows, cells + projection].
    """
    steps, rows = characters.shape[:2]
    vectors = word_vectors(weights, shape, tf.reshape(characters, [steps * rows, -1]))
    inputs = tf.unstack(tf.reshape(vectors, [steps, rows, shape.projection]))
    states, outputs = list(states), []
    for x, kept in zip(inputs, tf.unstack(keep), strict=True):
        for layer in range(shape.layers):
            states[layer] = lstm_step(weights, f"lstm/lstm_{layer}", x, states[layer] * kept)
            x = states[layer][:, shape.cells :]
        outputs.append(x)
    return tf.stack(outputs), states


def loss(weights, h, targets):
    """Mean surprisal over the full softmax, in nats, float32 [].

    Args:
      h: float32 [tokens, projection].
      targets: ids, int32 [tokens].
    """
    logits = h @ tf.transpose(weights["softmax/W"]) + weights["softmax/b"]
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
