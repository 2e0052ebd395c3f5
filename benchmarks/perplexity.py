"""Perplexity of a model on tokenised text, by the session engine, and how it was counted.

    python benchmarks/perplexity.py FILE [-m MODEL] [--tokenize] [--rows 64]

One sentence a line. The memory is empty at each sentence's start (`<S>`), every word and every
sentence's end is predicted over the full softmax, rows without a word included; the target of a word
outside the vocabulary is `<UNK>`, as an input it is read by its letters.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from lmgen.corpus import read_sentences
from lmgen.engines import load
from lmgen.model import LanguageModel, take
from lmgen.vocabulary import SENTENCE_END, SENTENCE_START


def surprisals(model: LanguageModel, sentences: list[list[str]]) -> list[np.ndarray]:
    """Nats of every word and end, for sentences read side by side; the longest come first."""
    live = sorted(sentences, key=len, reverse=True)
    inputs = [[SENTENCE_START, *words] for words in live]
    targets = [[*words, SENTENCE_END] for words in live]
    state, found = model.start(len(live)), [[] for _ in live]
    for step in range(len(inputs[0])):
        rows = sum(len(words) > step for words in inputs)
        state = model.advance(take(state, range(rows)), [words[step] for words in inputs[:rows]])
        logits = model.logits(state)
        highest = logits.max(1)
        total = highest + np.log(np.exp(logits - highest[:, None]).sum(1, dtype=np.float64))
        for row in range(rows):
            found[row].append(total[row] - logits[row, model.vocabulary.id(targets[row][step])])
    return [np.array(values) for values in found]


def main(file: Path, model: str, tokenize: bool, rows: int) -> None:
    lm = load(model)
    sentences = sorted(read_sentences([file], tokenize), key=len)
    began, values = time.perf_counter(), []
    for start in range(0, len(sentences), rows):
        values.extend(surprisals(lm, sentences[start : start + rows]))
    nats = np.concatenate(values)
    unknown = sum(word not in lm.vocabulary for words in sentences for word in words)
    low, high = (np.exp(nats.mean() + sign * 1.96 * nats.std() / np.sqrt(len(nats))) for sign in (-1, 1))
    print(f"{file.name}: perplexity {np.exp(nats.mean()):.2f} (95 % interval {low:.2f} to {high:.2f})")
    print(f"{len(nats):,} predictions: {len(nats) - len(sentences):,} words, {len(sentences):,} sentence ends")
    print(
        f"{unknown:,} words outside the vocabulary of {len(lm.vocabulary):,} ({unknown / len(nats):.2%} of predictions)"
    )
    print(f"{len(nats) / (time.perf_counter() - began):,.0f} words/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("-m", "--model", default="mini")
    parser.add_argument("--tokenize", action="store_true")
    parser.add_argument("--rows", type=int, default=64)
    main(**vars(parser.parse_args()))
