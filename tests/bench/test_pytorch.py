import numpy as np
import pytest

from lmgen.model import read_all
from lmgen.scoring.score import Sentence, score_sentences
from lmgen.store.library import find

from conftest import load

pytest.importorskip("torch")

TEXTS = [("the", "cat"), ("unseen", "sat")]


@pytest.mark.parametrize(("quantized", "tolerance"), [(False, 1e-5), (True, 0.3)])  # its int8 saturates without VNNI
def test_pytorch_predicts_what_the_session_does(tiny_folder, quantized, tolerance):
    from lmgen.bench.pytorch import PyTorchModel

    rival, session = PyTorchModel(find(str(tiny_folder)), quantized), load(str(tiny_folder), "session")

    for ours, theirs in zip(read_all(session, TEXTS), read_all(rival, TEXTS), strict=True):
        np.testing.assert_allclose(rival.logits(theirs.state), session.logits(ours.state), atol=tolerance)


def test_pytorch_scores(tiny_folder):
    from lmgen.bench.pytorch import PyTorchModel

    rival, session = PyTorchModel(find(str(tiny_folder)), quantized=False), load(str(tiny_folder), "session")
    [ours], [theirs] = (list(score_sentences(model, [Sentence(["the", "cat"])])) for model in (session, rival))

    np.testing.assert_allclose(theirs.logprobs, ours.logprobs, atol=1e-5)
