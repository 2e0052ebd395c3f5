"""The weights of a checkpoint, whole and in parts."""

import numpy as np
import pytest

from lmgen.checkpoint.weights import Weights
from lmgen.checkpoint.writer import write_checkpoint
from lmgen.errors import IntegrityError


@pytest.fixture
def weights(tiny_folder, tiny_shape):
    return Weights(tiny_folder, tiny_shape)


def test_weights_are_those_that_were_written(weights, tiny_weights):
    assert set(weights.names()) == set(tiny_weights)
    for name, value in tiny_weights.items():
        assert np.array_equal(weights[name], value)


def test_parts_of_the_softmax_are_those_of_the_whole(weights, tiny_weights):
    matrix, bias = weights.softmax(8, 24)

    assert np.array_equal(matrix, tiny_weights["softmax/W"][8:24])
    assert np.array_equal(bias, tiny_weights["softmax/b"][8:24])
    assert np.array_equal(weights.variable("softmax/W_3"), tiny_weights["softmax/W"][3::8])


def test_a_weight_that_is_not_finite_is_refused_by_name(tmp_path, tiny_weights, tiny_shape):
    spoilt = tiny_weights["softmax/W"].copy()
    spoilt[-1, -1] = np.inf
    write_checkpoint(tmp_path, {**tiny_weights, "softmax/W": spoilt}, 1)

    with pytest.raises(IntegrityError, match="softmax/W_7 in ckpt-softmax7 holds values that are not finite"):
        Weights(tmp_path, tiny_shape).variable("softmax/W_7")
