"""How far exported models are from the session engine, and how fast other runtimes run them.

    python benchmarks/exports.py [--model mini] [--texts 14]

Every format that `lmgen export` writes reads the same generated texts, a word at a time, on one thread. What it predicts
after every word is compared with the session over the whole vocabulary.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import lmgen
from lmgen.engines import EngineOptions, load
from lmgen.export import PRECISIONS, export_model
from lmgen.softmax import log_total
from lmgen.store import find

Step = Callable[[np.ndarray, list[np.ndarray]], tuple[np.ndarray, list[np.ndarray]]]
"""Characters, int32 [rows, 50], and states to logits and states."""


def named(states) -> dict:
    return {f"state_{layer}": state for layer, state in enumerate(states)}


def onnx_step(folder: Path) -> Step:
    """By ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])

    def step(characters, states):
        logits, *new = session.run(None, {"characters": characters, **named(states)})
        return logits, new

    return step


def savedmodel_step(folder: Path) -> Step:
    """By TensorFlow."""
    import tensorflow as tf

    function = tf.saved_model.load(str(folder)).signatures["serving_default"]

    def step(characters, states):
        given = {"characters": characters, **named(states)}
        found = {
            name: value.numpy()
            for name, value in function(**dict(zip(given, map(tf.constant, given.values())))).items()
        }
        return found["logits"], [found[f"new_{name}"] for name in named(states)]

    return step


def web_step(folder: Path) -> Step:
    """By LiteRT's interpreter, which runs a file as it is."""
    from ai_edge_litert.interpreter import Interpreter

    opened = [Interpreter(str(path), num_threads=1) for path in sorted(folder.glob("*.tflite"))]
    memory, *softmax, vectors = [interpreter.get_signature_runner() for interpreter in opened]

    def step(characters, states):
        x = vectors(characters=characters)["vectors"]
        found = memory(x=x, **named(states))
        new = [found[name] for name in named(states)]
        h = np.ascontiguousarray(new[-1][:, -x.shape[1] :])
        return np.concatenate([part(h=h)["logits"] for part in softmax], 1), new

    return step


STEPS = {"onnx": onnx_step, "savedmodel": savedmodel_step, "litert-web": web_step}


def read(step: Step, model, sentences: list[list[str]]) -> np.ndarray:
    """Logits before each word of some sentences and before their end, float32 [places, softmax rows]."""
    found = []
    for words in sentences:
        states = list(model.start())
        for word in ("<S>", *words):
            logits, states = step(model.vocabulary.all_char_ids([word]), states)
            found.append(logits[0])
    return np.array(found)


def session_step(model) -> Step:
    """By the session engine, whose words have their characters already."""

    def step(characters, states):
        words = [WORDS[row.tobytes()] for row in characters]
        state = model.advance(tuple(states), words)
        return model.logits(state), list(state)

    return step


WORDS: dict[bytes, str] = {}
"""By their characters."""


def divergence(logits: np.ndarray, others: np.ndarray) -> float:
    """Mean of KL(p ‖ q) over places, in nats, of two arrays of logits [places, softmax rows]."""
    log_p, log_q = (each - log_total(each) for each in (logits.astype(np.float64), others.astype(np.float64)))
    return float((np.exp(log_p) * (log_p - log_q)).sum(1).mean())


def sentences_for(name: str, texts: int) -> tuple[object, list[list[str]]]:
    """The session engine, and generated sentences as lists of words."""
    sentences = [text.split() for text in lmgen.load(name, tokenized=True).sample(samples=texts, seed=1)]
    session = load(find(name), EngineOptions("session"))
    known = ["<S>", *{word for words in sentences for word in words}]
    WORDS.update({row.tobytes(): word for word, row in zip(known, session.vocabulary.all_char_ids(known))})
    return session, sentences


def main(model: str, texts: int) -> None:
    session, sentences = sentences_for(model, texts)
    wanted = read(session_step(session), session, sentences)
    print(f"{len(wanted)} words of {model}\n")
    print("| format | precision | MB | largest logit difference | KL, nats a word | same best word | words/CPU-s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    kinds = [(form, precision) for form in STEPS for precision in PRECISIONS[form]]
    for form, precision in kinds:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / form
            export_model(find(model), form, precision, folder)
            step = STEPS[form](folder)
            read(step, session, sentences[:1])
            begin = time.process_time()
            found = read(step, session, sentences)
            speed = len(found) / (time.process_time() - begin)
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        same = (found.argmax(1) == wanted.argmax(1)).mean()
        print(
            f"| {form} | {precision} | {size:.0f} | {np.abs(found - wanted).max():.1e} "
            f"| {divergence(wanted, found):.1e} | {same:.1%} | {speed:,.0f} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--texts", type=int, default=14)
    main(**vars(parser.parse_args()))
