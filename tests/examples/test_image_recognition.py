"""The example that names what is on a photograph, on a small graph made here."""

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT
from go_program import CC, GO, TENSORFLOW, WITH_HEADERS, one_line, started

pytestmark = pytest.mark.skipif(not (GO and CC), reason="Go and a C compiler are not both installed")
SIZE, NAMES = 6, ("red", "green", "blue", "light above", "light on the left")


@pytest.fixture(scope="module")
def weights():
    """[SIZE, SIZE, 3, names]: how much each pixel speaks for a name."""
    weights = np.zeros((SIZE, SIZE, 3, len(NAMES)), np.float32)
    for colour in range(3):
        weights[:, :, colour, colour] = 0.0005
    weights[: SIZE // 2, :, :, 3] = weights[:, : SIZE // 2, :, 4] = 0.0006
    return weights


@pytest.fixture(scope="module")
def run(weights, tmp_path_factory):
    tf = pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("example")
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, [1, SIZE, SIZE, 3], name="input")
        scores = tf.matmul(tf.reshape(picture, [1, -1]), tf.constant(weights.reshape(-1, len(NAMES))))
        tf.nn.softmax(scores, name="output")
    (folder / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    (folder / "names.txt").write_text("\n".join(NAMES) + "\n")
    command = [GO, "build", "-tags", "tensorflow", "-o", folder / "image-recognition"]
    built = started(command, cwd=ROOT / "examples" / "image-recognition", **WITH_HEADERS)
    assert built.exit_code == 0, built.err

    def run(photo, **changed):
        given = {"graph": folder / "graph.pb", "labels": folder / "names.txt", "size": SIZE, "library": TENSORFLOW}
        options = [f"--{name}={value}" for name, value in {**given, **changed}.items()]
        return started([folder / "image-recognition", *options, photo])

    return run


def save(path, pixels):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def test_probabilities_are_those_of_plain_numpy(run, weights, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3))
    scores = np.einsum("yxc,yxcn->n", (pixels - 117.0), weights)
    wanted = np.exp(scores) / np.exp(scores).sum()
    result = run(save(tmp_path / "photo.png", pixels))

    assert (result.exit_code, result.err) == (0, "")
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert [name for name, _ in lines] == [NAMES[i] for i in np.argsort(-wanted)]
    np.testing.assert_allclose([float(number) for _, number in lines], np.sort(wanted)[::-1], atol=1e-4)


@pytest.mark.parametrize("height, width", [(40, 90), (3, 2), (SIZE, SIZE)])
def test_photographs_of_any_size_are_read_the_right_way_up(run, tmp_path, height, width):
    pixels = np.full((height, width, 3), 117)
    pixels[: height // 2 or 1] = 255
    above = run(save(tmp_path / "above.jpg", pixels), best=1)
    pixels = np.full((height, width, 3), 117)
    pixels[:, : width // 2 or 1] = 255
    left = run(save(tmp_path / "left.png", pixels), best=1)

    assert [above.out.split("\t")[0], left.out.split("\t")[0]] == ["light above", "light on the left"]


def test_what_cannot_be_used_is_named_in_a_line(run, tmp_path):
    photo = save(tmp_path / "red.png", [[[255, 0, 0]]])
    text = tmp_path / "text.txt"
    text.write_text("one\ntwo\n")

    assert run(photo, best=1).out.startswith("red\t")
    one_line(run(tmp_path / "none.jpg"), 3, "cannot read the photograph")
    one_line(run(text), 4, "is no JPEG, PNG or GIF")
    one_line(run(photo, labels=text), 4, "has 2 names, the graph gives 5 numbers")
    one_line(run(photo, graph=text), 4, "TensorFlow cannot use")
    one_line(run(photo, output="other"), 4, "it has no operation other")
    one_line(run(photo, size=7), 4, "TensorFlow cannot run")
    one_line(run(photo, library=tmp_path / "none.so"), 3, "there is no library")
    one_line(run(photo, best=0), 2, "give one photograph")
