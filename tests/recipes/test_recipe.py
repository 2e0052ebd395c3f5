"""The twin of the network, in PyTorch, with which `mini` was trained: the same numbers, and a run on tiny text."""

import io
import re

import numpy as np
import pytest

from lmgen.checkpoint.shape import Shape, weight_shapes
from lmgen.engines.plain import PlainNetwork

from conftest import ROOT

torch = pytest.importorskip("torch")
RECIPE = ROOT / "recipes" / "mini"
SHAPE = Shape(projection=32, cells=64, rows=304)


class Kept:
    """Weights as a checkpoint gives them."""

    shape = SHAPE

    def __init__(self, weights):
        self._weights = weights

    def __getitem__(self, name):
        return self._weights[name]

    def names(self, prefix):
        return [name for name in self._weights if name.startswith(prefix)]

    def softmax(self, begin, end):
        return self._weights["softmax/W"][begin:end], self._weights["softmax/b"][begin:end]


@pytest.fixture
def twin(monkeypatch):
    monkeypatch.syspath_prepend(str(RECIPE))
    import twin

    return twin


@pytest.fixture
def parameters(twin):
    rng = np.random.default_rng(1)
    some = twin.initial(twin.Sizes(300, 304, 32, 64), np.arange(300, 0, -1), 3)
    some = {name: value + rng.normal(0, 0.1, value.shape).astype(np.float32) for name, value in some.items()}
    some["kernel"] *= twin.kernel_mask(torch.zeros(1)).numpy()
    return some


def test_weights_go_to_the_release_s_names_and_back(twin, parameters):
    sizes = twin.Sizes(300, 304, 32, 64)
    weights = twin.to_release(parameters, sizes)

    assert {name: value.shape for name, value in weights.items()} == weight_shapes(SHAPE)
    for name, value in twin.from_release(weights, sizes).items():
        np.testing.assert_allclose(value, parameters[name], atol=1e-6)


def test_the_twin_computes_what_the_plain_network_does(twin, parameters):
    sizes, rng = twin.Sizes(300, 304, 32, 64), np.random.default_rng(2)
    plain = PlainNetwork(Kept(twin.to_release(parameters, sizes)))
    characters = rng.integers(0, 256, (7, 50)).astype(np.int32)
    characters[:3, 10:] = characters[3:, 40:] = 4  # padding
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    buckets = [torch.from_numpy(characters[:3, :19]), torch.from_numpy(characters[3:])]
    vectors = twin.word_vectors(tensors, buckets).numpy()
    np.testing.assert_allclose(vectors, plain.vectors(characters), atol=1e-4)

    index, targets = rng.integers(0, 7, (6, 5)), rng.integers(0, 300, (6, 5))
    found = twin.total_loss(tensors, sizes, buckets, torch.from_numpy(index), torch.from_numpy(targets)).item()
    state, expected = tuple(np.zeros((5, 96), np.float32) for _ in range(2)), 0.0
    for words, wanted in zip(index, targets, strict=True):
        state, _ = plain.advance(state, vectors[words])
        logits = plain.logits(state[-1][:, 64:], 0, 304).astype(np.float64)
        expected += (np.log(np.exp(logits).sum(1)) - logits[np.arange(5), wanted]).sum()
    assert found == pytest.approx(expected, rel=1e-5)


def test_text_becomes_a_model_that_completes(lmgen, twin, tmp_path, monkeypatch):
    """The scripts one after the other, on a CPU, at a size that takes seconds."""
    import prepare
    import train
    import write

    text = "".join(" ".join(f"n{(start + step) % 50}" for step in range(12)) + "\n" for start in range(400))
    (tmp_path / "valid.tok").write_text("".join(text.splitlines(True)[:9]))
    paths = {name: tmp_path / name for name in ("data", "run", "counter")}
    small = twin.Sizes(53, 56, 16, 32)

    def run(script, *options):
        monkeypatch.setattr("sys.argv", [script.__name__, *map(str, options)])
        script.main()

    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    run(prepare, "--valid", tmp_path / "valid.tok", "--out", paths["data"])
    monkeypatch.setattr(twin, "Sizes", lambda: small)
    options = ("--seconds", 2, "--device", "cpu", "--workers", 0, "--tokens", 200, "--epochs", 100)
    run(train, "--data", paths["data"], "--out", paths["run"], *options)
    run(write, "--data", paths["data"], "--run", paths["run"], "--out", paths["counter"])

    length = ("--max-words", 3, "--min-words", 3)
    completed = lmgen("complete", "-m", paths["counter"], "--engine", "session", "n5 n6 n7", "-t", 0, *length)
    assert completed.exit_code == 0, completed.err
    assert re.match(r"n5 n6 n7( n\d+)+$", completed.out)
    shown = lmgen("models", "show", paths["counter"])
    assert "training validation_targets: 117" in shown.out
