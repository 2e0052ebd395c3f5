"""Where a checkpoint's numbers lie, against what TensorFlow reads."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.checkpoint.names import file_of, file_pattern, variable_shapes
from lmgen.checkpoint.tensors import ALIGNMENT, check_sums, find_extents
from lmgen.errors import IntegrityError
from lmgen.store.library import find


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def restore(folder, variable):
    """A variable as TensorFlow reads it."""
    pattern = file_pattern(folder / file_of(variable))
    part = {"tensor_name": variable, "shape_and_slice": "", "dt": tf.float32}
    return tf.raw_ops.RestoreSlice(file_pattern=pattern, **part).numpy()


def test_every_variable_is_read_as_tensorflow_reads_it(tiny_folder, tiny_shape):
    extents = find_extents(tiny_folder)

    assert set(extents) == set(variable_shapes(tiny_shape))
    for name, extent in extents.items():
        assert np.array_equal(extent.read(), restore(tiny_folder, name).ravel())


def test_parts_and_mapped_rows_are_those_of_the_whole():
    """At the size of the default model, whose larger tensors have blocks of their own."""
    folder = find("mini").folder
    extent, whole = find_extents(folder)["softmax/W_3"], restore(folder, "softmax/W_3")

    assert np.array_equal(extent.read(256, 768), whole.ravel()[256:768])
    assert np.array_equal(extent.mapped(256)[[7, 2, 3000]], whole[[7, 2, 3000]])


def test_numbers_begin_where_tensorflow_takes_them_without_a_copy(tiny_folder):
    extents = find_extents(tiny_folder).values()

    assert all(extent.read().ctypes.data % ALIGNMENT == 0 for extent in extents)


def test_a_file_that_was_cut_short_meanwhile_is_refused(copy):
    extent = find_extents(copy)["lstm/lstm_0/B"]
    os.truncate(extent.path, extent.offset + 3)

    with pytest.raises(IntegrityError, match="ckpt-lstm is cut short"):
        extent.read()


def test_right_checksums_pass(tiny_folder):
    for name in CHECKPOINT_FILES:
        check_sums(tiny_folder / name)


def test_one_wrong_bit_is_found(copy):
    path = copy / "ckpt-lstm"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(IntegrityError, match="ckpt-lstm is damaged: a checksum is wrong"):
        check_sums(path)


@pytest.mark.parametrize("seed", range(50))
def test_a_file_with_wrong_bytes_is_refused_or_read_no_further_than_it_goes(copy, seed):
    """In its index, or anywhere: never another error, nor an extent outside the file."""
    path, rng = copy / CHECKPOINT_FILES[seed % len(CHECKPOINT_FILES)], np.random.default_rng(seed)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    places = rng.integers(len(content) - 200 if seed % 2 else 0, len(content) - 8, 20)
    content[places] = rng.integers(0, 256, 20)
    path.write_bytes(content.tobytes())

    try:
        extents = find_extents(copy)
    except IntegrityError:
        return
    assert all(
        0 <= extent.offset <= extent.offset + 4 * extent.count <= extent.path.stat().st_size
        for extent in extents.values()
    )


def test_an_empty_file_is_refused(copy):
    (copy / "ckpt-lstm").write_bytes(b"")

    with pytest.raises(IntegrityError, match="ckpt-lstm is damaged, or not a checkpoint file"):
        find_extents(copy)
