"""The family's network for training: fast on CPUs, the same function as `plain.py`.

Three things make it fast, each tested against the plain form:
the character CNN runs once per distinct word and as one product for all filters; the LSTM has its
own gradient, which turns the weights' gradients into one product each; the softmax of a step is
taken over candidates. Products may be bfloat16; sums, cells and weights stay float32.
XLA compiles only the elementwise parts: its own matrix products are slower than oneDNN's here.
"""

import tensorflow as tf

from lmgen.checkpoint import CARRY_BIAS, FORGET_BIAS, WIDTHS, Shape

WINDOW = max(WIDTHS)

Weights = dict[str, tf.Tensor]


def _compiled(function):
    return tf.function(function, jit_compile=True, autograph=False)


# Characters to word vectors -------------------------------------------------------------------


def word_vectors(weights: Weights, shape: Shape, buckets: list[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
    """Vectors of the words of several buckets, in their order: `dtype` [words, projection].

    A bucket holds words' character ids, int32 [words, length]; the length may be cut to the longest
    word's bytes + 7, because windows of nothing but padding are all alike. Of words longer than 43
    characters (with their marks) the narrow filters do not see the last few.
    """
    features = tf.concat([_features(weights, bucket, dtype) for bucket in buckets], 0)
    for index in range(shape.highways):
        features = _highway(weights, f"char_embedding/dense_{index}", features, dtype)
    return _affine(weights, "char_embedding/proj", features, dtype)


def _features(weights: Weights, characters: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The strongest answer of every filter, `dtype` [words, width]: all filters in one product."""
    kernels = [_widened(weights[f"char_embedding/cnn_{index}/kernel"]) for index in range(len(WIDTHS))]
    kernel = tf.cast(tf.concat(kernels, 1), dtype)
    bias = tf.concat([tf.reshape(weights[f"char_embedding/cnn_{index}/b"], [-1]) for index in range(len(WIDTHS))], 0)
    letters = tf.gather(tf.cast(weights["char_embedding/W"], dtype), characters)
    count, length = tf.shape(characters)[0], tf.shape(characters)[1] - WINDOW + 1
    windows = tf.concat([letters[:, start : start + length] for start in range(WINDOW)], 2)
    maps = tf.matmul(tf.reshape(windows, [count * length, kernel.shape[0]]), kernel)
    strongest = _strongest(tf.reshape(maps, [count, length, kernel.shape[1]]))
    return tf.nn.relu(strongest + tf.cast(bias, dtype))


def _widened(kernel: tf.Tensor) -> tf.Tensor:
    """A kernel [w, 16, 1, filters] with zeros up to the widest window, as a matrix [7 * 16, filters]."""
    width, size, _, filters = kernel.shape
    return tf.reshape(tf.pad(kernel, [[0, WINDOW - width], [0, 0], [0, 0], [0, 0]]), [WINDOW * size, filters])


@_compiled
def _strongest(maps: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(maps, 1)


def _highway(weights: Weights, name: str, x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    gate = tf.sigmoid(_affine(weights, f"{name}/gate", x, dtype) + tf.cast(CARRY_BIAS, dtype))
    return gate * tf.nn.relu(_affine(weights, f"{name}/tr", x, dtype)) + (1 - gate) * x


def _affine(weights: Weights, name: str, x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.matmul(x, tf.cast(weights[f"{name}/W"], dtype)) + tf.cast(weights[f"{name}/b"], dtype)


# One LSTM layer with its own gradient ---------------------------------------------------------


def lstm(weights: Weights, layer: str, x: tf.Tensor, keep: tf.Tensor, state: tf.Tensor, cells: int):
    """Run one projected peephole LSTM layer over a window of text.

    Args:
      x: the layer's inputs, [steps, rows, projection], in the dtype of the products.
      keep: float32 [steps, rows, 1]; 0 where a row's memory is emptied before it reads, else 1.
      state: float32 [rows, cells + projection], c then h.

    Returns the outputs [steps, rows, projection] in x's dtype, and the new state.
    """
    outputs, cell, hidden = _lstm(
        x,
        keep,
        state[:, :cells],
        state[:, cells:],
        weights[f"{layer}/W"],
        weights[f"{layer}/B"],
        tf.stack([weights[f"{layer}/W_{gate}_diag"] for gate in "IFO"]),
        weights[f"{layer}/W_P"],
    )
    return outputs, tf.concat([cell, hidden], 1)


@tf.custom_gradient
def _lstm(x, keep, cell, hidden, matrix, bias, peepholes, projection):
    dtype, steps = x.dtype, x.shape[0]
    w_input, w_hidden = (tf.cast(part, dtype) for part in tf.split(matrix, 2))
    w_projection = tf.cast(projection, dtype)
    keeps = tf.unstack(keep)
    from_input = tf.unstack(_product(x, w_input))
    hidden = tf.cast(hidden, dtype)
    read, cells, gates, outputs, hiddens = [], [], [], [], []
    for step in range(steps):
        hidden = hidden * tf.cast(keeps[step], dtype)
        hiddens.append(hidden)
        cell, kept, output, gate = _cell(
            from_input[step], tf.matmul(hidden, w_hidden), bias, cell, keeps[step], peepholes
        )
        cells.append(kept)
        gates.append(gate)
        outputs.append(output)
        hidden = tf.matmul(output, w_projection)
        read.append(hidden)

    def gradient(d_read, d_cell, d_hidden):
        d_reads = tf.unstack(tf.cast(d_read, dtype))
        d_hidden = tf.cast(d_hidden, dtype)
        d_gates, d_hiddens = [None] * steps, [None] * steps
        for step in reversed(range(steps)):
            d_hiddens[step] = d_reads[step] + d_hidden
            d_output = tf.matmul(d_hiddens[step], w_projection, transpose_b=True)
            d_gates[step], d_cell = _cell_gradient(d_output, d_cell, gates[step], cells[step], keeps[step], peepholes)
            d_hidden = tf.matmul(d_gates[step], w_hidden, transpose_b=True) * tf.cast(keeps[step], dtype)
        d_gate = tf.stack(d_gates)
        d_bias, d_peepholes = _sums(d_gate, tf.stack(cells), tf.stack(gates))
        d_matrix = tf.concat([_outer(x, d_gate), _outer(tf.stack(hiddens), d_gate)], 0)
        d_projection = _outer(tf.stack(outputs), tf.stack(d_hiddens))
        d_x = _product(d_gate, w_input, transpose_b=True)
        return d_x, None, d_cell, tf.cast(d_hidden, tf.float32), d_matrix, d_bias, d_peepholes, d_projection

    return (tf.stack(read), cell, tf.cast(hidden, tf.float32)), gradient


def _product(x: tf.Tensor, matrix: tf.Tensor, transpose_b: bool = False) -> tf.Tensor:
    """[steps, rows, a] times [a, b], all steps in one product."""
    flat = tf.matmul(tf.reshape(x, [-1, x.shape[2]]), matrix, transpose_b=transpose_b)
    return tf.reshape(flat, [*x.shape[:2], flat.shape[1]])


def _outer(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """A weight's gradient: the sum over steps and rows of x times y, float32."""
    flat = tf.matmul(tf.reshape(x, [-1, x.shape[2]]), tf.reshape(y, [-1, y.shape[2]]), transpose_a=True)
    return tf.cast(flat, tf.float32)


@_compiled
def _cell(from_input, from_hidden, bias, cell, keep, peepholes):
    """One step: the new c, the c it started from, the gated output, and the gates for the gradient."""
    dtype = from_input.dtype
    z = tf.cast(from_input, tf.float32) + tf.cast(from_hidden, tf.float32) + bias
    z_in, z_new, z_forget, z_out = tf.split(z, 4, 1)
    kept = cell * keep
    take_in = tf.sigmoid(z_in + peepholes[0] * kept)
    forget = tf.sigmoid(z_forget + FORGET_BIAS + peepholes[1] * kept)
    new = tf.tanh(z_new)
    cell = forget * kept + take_in * new
    out = tf.sigmoid(z_out + peepholes[2] * cell)
    gates = tf.cast(tf.concat([take_in, new, forget, out], 1), dtype)
    return cell, kept, tf.cast(out * tf.tanh(cell), dtype), gates


@_compiled
def _cell_gradient(d_output, d_cell, gates, kept, keep, peepholes):
    """Gradients of one step: of the gates' inputs, and of the c before it."""
    take_in, new, forget, out = tf.split(tf.cast(gates, tf.float32), 4, 1)
    d_output = tf.cast(d_output, tf.float32)
    squashed = tf.tanh(forget * kept + take_in * new)
    d_out = d_output * squashed * out * (1 - out)
    d_cell += d_output * out * (1 - squashed**2) + d_out * peepholes[2]
    d_in = d_cell * new * take_in * (1 - take_in)
    d_new = d_cell * take_in * (1 - new**2)
    d_forget = d_cell * kept * forget * (1 - forget)
    d_kept = (d_cell * forget + d_in * peepholes[0] + d_forget * peepholes[1]) * keep
    return tf.cast(tf.concat([d_in, d_new, d_forget, d_out], 1), gates.dtype), d_kept


@_compiled
def _sums(d_gates, kept, gates):
    """Gradients of the bias and of the peepholes, summed over all steps and rows."""
    d_gates, gates = tf.cast(d_gates, tf.float32), tf.cast(gates, tf.float32)
    d_in, _, d_forget, d_out = tf.split(d_gates, 4, 2)
    take_in, new, forget, _ = tf.split(gates, 4, 2)
    cell = forget * kept + take_in * new
    pairs = ((d_in, kept), (d_forget, kept), (d_out, cell))
    return tf.reduce_sum(d_gates, [0, 1]), tf.stack([tf.reduce_sum(a * b, [0, 1]) for a, b in pairs])


# The loss -------------------------------------------------------------------------------------


def candidate_loss(h, rows, bias, labels):
    """Mean surprisal, in nats, of the targets among candidates.

    Args:
      h: outputs of the top layer [tokens, projection], in the dtype of the products.
      rows, bias: the candidates' softmax rows, float32 [candidates, projection], and biases.
      labels: int32 [tokens], where among the candidates each target stands.

    Over all rows of the softmax this is the full cross-entropy.
    """
    logits = tf.matmul(h, tf.cast(rows, h.dtype), transpose_b=True)
    return _cross_entropy(logits, bias, labels)


@tf.custom_gradient
def _cross_entropy(logits, bias, labels):
    loss, d_logits, d_bias = _cross_entropy_and_gradient(logits, bias, labels)

    def gradient(d_loss):
        return d_logits * tf.cast(d_loss, d_logits.dtype), d_bias * d_loss, None

    return loss, gradient


@_compiled
def _cross_entropy_and_gradient(logits, bias, labels):
    scores = tf.cast(logits, tf.float32) + bias
    hit = tf.one_hot(labels, tf.shape(scores)[1])
    highest = tf.reduce_max(scores, 1, keepdims=True)
    exponentials = tf.exp(scores - highest)
    total = tf.reduce_sum(exponentials, 1, keepdims=True)
    loss = tf.reduce_mean((highest + tf.math.log(total))[:, 0] - tf.reduce_sum(hit * scores, 1))
    d_scores = (exponentials / total - hit) / tf.cast(tf.shape(scores)[0], tf.float32)
    return loss, tf.cast(d_scores, logits.dtype), tf.reduce_sum(d_scores, 0)


def log_probabilities(h, rows, bias, labels):
    """Ln p of each target over the full softmax, float32 [tokens]; h and rows in one dtype."""
    scores = tf.cast(tf.matmul(h, rows, transpose_b=True), tf.float32) + bias
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)


# The whole of it ------------------------------------------------------------------------------


def read(weights: Weights, shape: Shape, words, keep, states, dtype: tf.DType, dropout=None):
    """Read a window of text.

    Args:
      words: (buckets, index): the distinct words' character ids for `word_vectors`, and for every
        token the place of its word among them, int32 [steps, rows].
      keep, states: as for `lstm`, one state per layer.
      dropout: (rate, seed int32 [2]) to zero that share of the inputs of every layer and of the top.

    Returns the top layer's outputs [steps, rows, projection] and the new states.
    """
    buckets, index = words
    x = tf.gather(word_vectors(weights, shape, buckets, dtype), index)
    new_states = []
    for layer, state in enumerate(states):
        x, state = lstm(weights, f"lstm/lstm_{layer}", _drop(x, dropout, layer), keep, state, shape.cells)
        new_states.append(state)
    return _drop(x, dropout, shape.layers), new_states


def _drop(x: tf.Tensor, dropout, salt: int) -> tf.Tensor:
    if dropout is None:
        return x
    rate, seed = dropout
    return tf.nn.experimental.stateless_dropout(x, rate, seed + [0, salt])
