import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from lmgen.board.projector import MOST, frequent, known, write_vectors
from lmgen.errors import UsageError

WORDS = ["cat", "the", "£"]


@pytest.fixture(scope="module")
def run(tiny_model, tmp_path_factory):
    return write_vectors(tiny_model, WORDS, tmp_path_factory.mktemp("board"))


def test_frequent_words_come_in_their_order_without_marks(tiny_model):
    assert frequent(tiny_model.vocabulary, 3) == ["the", "cat", "sat"]
    assert len(frequent(tiny_model.vocabulary, 1000)) == 30


def test_listed_words_are_those_of_the_vocabulary_once_each(tiny_model):
    assert known(tiny_model.vocabulary, ["cat", "xyzzy", "the", "cat"]) == ["cat", "the"]
    with pytest.raises(UsageError, match="none of these words"):
        known(tiny_model.vocabulary, ["xyzzy"])


def test_both_spaces_are_written(run, tiny_model, tiny_weights):
    ids = [tiny_model.vocabulary.id(word) for word in WORDS]
    spaces = {space: np.fromfile(run / f"{space}.bytes", np.float32).reshape(3, 16) for space in ("input", "output")}

    np.testing.assert_array_equal(spaces["input"], tiny_model.vectors(WORDS))
    np.testing.assert_array_equal(spaces["output"], tiny_weights["softmax/W"][ids])


def test_each_row_says_what_it_is(run):
    assert (run / "metadata.tsv").read_text().splitlines() == [
        "word\trank\tlength",
        *("cat\t5\t3", "the\t4\t3", "£\t9\t1"),
    ]


def test_the_configuration_names_what_is_there(run):
    config = text_format.Parse((run / "projector_config.pbtxt").read_text(), ProjectorConfig())

    assert [(space.tensor_name, list(space.tensor_shape)) for space in config.embeddings] == [
        ("input", [3, 16]),
        ("output", [3, 16]),
    ]
    for space in config.embeddings:
        assert (run / space.tensor_path).exists()
        assert (run / space.metadata_path).exists()


def test_more_words_than_tensorboard_reads_are_refused(tiny_model, tmp_path):
    with pytest.raises(UsageError, match="100,000 vectors at most"):
        write_vectors(tiny_model, ["cat"] * (MOST + 1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_board_vectors_writes_the_words_of_a_file(lmgen, tiny_folder, tmp_path):
    (tmp_path / "words.txt").write_text("cat\nxyzzy\nsat\n")
    result = lmgen("board-vectors", tmp_path / "runs", "-m", tiny_folder, "--words", tmp_path / "words.txt")

    [run] = (tmp_path / "runs").iterdir()
    assert (result.exit_code, result.out) == (0, f"{run}\n")
    assert result.err == "1 words are not in the model's vocabulary: left out\n"
    assert (run / "metadata.tsv").read_text().splitlines()[1:] == ["cat\t5\t3", "sat\t6\t3"]
