import numpy as np
import pytest
import tensorflow as tf

from lmgen.checkpoint import writer as layout
from lmgen.checkpoint.digests import sha256
from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.checkpoint.manifest import Manifest
from lmgen.checkpoint.names import file_of, shards
from lmgen.checkpoint.writer import write_model
from lmgen.text.vocabulary import Vocabulary


def test_a_written_folder_has_the_released_files(tiny_folder):
    names = {path.name for path in tiny_folder.iterdir()}

    assert names == {*CHECKPOINT_FILES, "graph-tiny.pbtxt", "vocab-tiny.txt", "model.toml"}


def test_the_manifest_has_every_file_s_checksum(tiny_folder):
    manifest = Manifest.load(tiny_folder / "model.toml")

    assert len(manifest.files) == 14
    assert {name: file.sha256 for name, file in manifest.files.items()} == {
        name: sha256(tiny_folder / name) for name in manifest.files
    }


def test_each_variable_lies_in_the_release_s_file(tiny_folder, tiny_weights):
    read = tf.compat.v1.train.NewCheckpointReader
    for name, value in shards(tiny_weights).items():
        assert np.array_equal(value, read(str(tiny_folder / file_of(name))).get_tensor(name))
    assert read(str(tiny_folder / "ckpt-base")).get_tensor("global_step") == 7
    assert read(str(tiny_folder / "ckpt-softmax3")).get_variable_to_shape_map() == {"softmax/W_3": [5, 16]}


def test_the_softmax_s_rows_are_dealt_out_in_turn(tiny_weights):
    cut = shards(tiny_weights)

    assert np.array_equal(tiny_weights["softmax/W"][19], cut["softmax/W_3"][2])


def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path, tiny_shape, tiny_words, tiny_weights, monkeypatch):
    manifest = Manifest("m", "", "", tiny_shape, len(tiny_words))
    write_model(tmp_path, manifest, Vocabulary(tiny_words), tiny_weights, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(layout, "write_checkpoint", fail)
    with pytest.raises(OSError, match="disk full"):
        write_model(tmp_path, manifest, Vocabulary([*tiny_words, "more"]), tiny_weights, 2)

    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
