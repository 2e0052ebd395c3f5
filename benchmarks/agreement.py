"""How far the precisions of converted files are from the session, on a text.

    python benchmarks/agreement.py TEXT [--model mini] [--words 2000]

TEXT has a tokenised sentence on each line. The session, which computes in float32, and each precision that
the model has been converted to read its first words side by side, 32 sentences at a time; what they predict
after every word is compared over the whole vocabulary.
"""

import argparse
from pathlib import Path

import numpy as np

from lmgen.engines import EngineOptions, load
from lmgen.engines.litert_files import PRECISIONS, find_converted
from lmgen.model import take
from lmgen.softmax import log_total
from lmgen.store.library import find

ROWS = 32


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Float64, as `logits`."""
    return logits - log_total(logits)


def compare(model, session, sentences: list[list[str]]) -> np.ndarray:
    """Of each word: |difference of its log-probability|, the largest of any word's, and the divergence; [words, 3]."""
    found = []
    states = [lm.start(len(sentences)) for lm in (session, model)]
    rows = list(range(len(sentences)))
    for place in range(max(map(len, sentences))):
        words = [(["<S>", *sentences[row]])[place] for row in rows]
        states = [lm.advance(state, words) for lm, state in zip((session, model), states, strict=True)]
        log_p, log_q = (log_probabilities(lm.logits(state)) for lm, state in zip((session, model), states, strict=True))
        targets = [session.vocabulary.id(sentences[row][place]) for row in rows]
        difference = np.abs(log_p - log_q)
        divergence = (np.exp(log_p) * (log_p - log_q)).sum(1)
        found.append(np.stack([difference[np.arange(len(rows)), targets], difference.max(1), divergence], 1))
        live = [number for number, row in enumerate(rows) if len(sentences[row]) > place + 1]
        states, rows = [take(state, live) for state in states], [rows[number] for number in live]
    return np.concatenate(found)


def main(text: Path, model: str, words: int) -> None:
    sentences = [line.split() for line in text.read_text("utf-8").splitlines() if line.strip()]
    session = load(find(model), EngineOptions("session"))
    print(f"{'':<8} {'words':>6} {'mean |Δ log p|':>15} {'max':>8} {'max of any word':>16} {'KL, nats':>10}")
    for precision in PRECISIONS:
        if not find_converted(find(model), precision):
            continue
        other, found = load(find(model), EngineOptions("litert", precision)), []
        for begin in range(0, len(sentences), ROWS):
            found.append(compare(other, session, sentences[begin : begin + ROWS]))
            if sum(map(len, found)) >= words:
                break
        own, any_word, divergence = np.concatenate(found).T
        print(
            f"{precision:<8} {len(own):>6} {own.mean():>15.2e} {own.max():>8.2e} {any_word.max():>16.2e} {divergence.mean():>10.2e}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--words", type=int, default=2000)
    main(**vars(parser.parse_args()))
