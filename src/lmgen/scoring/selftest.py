"""Whether a model answers what it is known to answer."""

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass

from lmgen.checkpoint import Expectation
from lmgen.model import LanguageModel
from lmgen.softmax import log_probability, most_likely
from lmgen.text import LITERAL, SENTENCE_START

TOLERANCE = 0.01
"""Bits by which a surprisal may differ: published digits and float32 sums differ by less, faults by more."""
STARTS = {"<S>": [SENTENCE_START], "spelled": [LITERAL + SENTENCE_START], "nothing": []}
"""What may be read before a text."""


@dataclass(frozen=True)
class Answer:
    """One expectation and what the model says."""

    source: str
    text: str
    """What was read, up to the word in question for a surprisal."""
    expected: str
    got: str
    difference: float
    """Bits; or, for a list of words, how many places differ."""
    passed: bool


def answers(model: LanguageModel, expectation: Expectation) -> list[Answer]:
    """What a model answers to a text; of several possible starts the one that suits best is taken."""
    trials = [list(_ask(model, expectation, start)) for start in expectation.starts]
    return min(trials, key=lambda trial: sum(not answer.passed for answer in trial))


def _ask(model: LanguageModel, expectation: Expectation, start: str) -> Iterator[Answer]:
    words, first = expectation.words.split(" "), STARTS[start]
    scored = len(words) - len(expectation.bits)
    state = model.start()
    for read, word in enumerate([*first, *words], 1 - len(first)):  # read: how many words of the text
        state = model.advance(state, [word])
        text = " ".join([*first, *words[:read]]).replace(LITERAL, "spelled ")
        [logits] = model.logits(state)
        if scored <= read < len(words):
            bits = -log_probability(logits, model.vocabulary.id(words[read])) / math.log(2)
            yield _compared(expectation, f"{text} {words[read]}", expectation.bits[read - scored], bits)
        if expectation.top:
            top = expectation.top[read].split(" ")
            best = most_likely(logits[: len(model.vocabulary)], len(top))
            yield _listed(expectation, text, top, list(map(model.vocabulary.word, best.tolist())))


def _compared(expectation: Expectation, text: str, expected: float, bits: float) -> Answer:
    """A surprisal, and how far it is from the published one."""
    difference = bits - expected
    return Answer(expectation.source, text, f"{expected:.4f}", f"{bits:.4f}", difference, abs(difference) <= TOLERANCE)


def _listed(expectation: Expectation, text: str, expected: list[str], found: list[str]) -> Answer:
    """The most likely next words, and at how many places they are not the published ones."""
    different = sum(map(operator.ne, expected, found))
    return Answer(expectation.source, text, " ".join(expected), " ".join(found), float(different), not different)
