"""Scores of sentences as rows, and scores as lm-zoo, KenLM and SRILM write them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

import numpy as np

from lmgen.scoring.distribution import NextWord
from lmgen.scoring.evaluation import BINS, Calibration, Evaluation
from lmgen.scoring.score import Scored, reduced
from lmgen.text import SENTENCE_END, SENTENCE_START, UNKNOWN, Row, Vocabulary, cell, clean, joined

BASES = {"2": math.log(2), "e": 1.0, "10": math.log(10)}
"""Logarithms, each with the nats of its unit."""
UNITS = {"2": "bits", "e": "nats", "10": "bans"}
SENTENCE_COLUMNS = ("sentence_id", "sentence", "tokens", "oov", "surprisal", "logprob")
CALIBRATION_COLUMNS = ("low", "high", "predicted", "observed", "top_predicted", "top_observed")
CLASSIC_END = "</s>"
"""How KenLM and SRILM write the end of a sentence."""


def decimals(value: float) -> float:
    """Round to six decimals; zero has no minus."""
    return round(float(value), 6) + 0.0


def probability(value: float) -> float:
    """Round to six significant digits."""
    return float(f"{value:.6g}")


def sentence_rows(scores: Iterable[Scored], base: str, reduce: str) -> Iterator[Row]:
    """A row for every sentence: its own columns, then SENTENCE_COLUMNS, with the `sum` or `mean` of its tokens' scores."""
    for scored in scores:
        logprob = reduced(scored, reduce)
        values = (
            scored.sentence.number,
            " ".join(scored.sentence.words),
            len(scored.tokens),
            int(scored.oov.sum()),
            decimals(-logprob / BASES[base]),
            decimals(logprob),
        )
        yield joined(scored.sentence.extra, dict(zip(SENTENCE_COLUMNS, values, strict=True)))


def next_rows(listed: Sequence[NextWord], base: str, follows: np.ndarray | None = None) -> list[Row]:
    """A row for each word that may come next; surprisal is in units of the base.

    Args:
      follows: natural logarithm of the probability of a suffix after each, float64 [words]. Then the rows are sorted by
        the probability of both together, and have it.
    """
    rows = [_next_row(entry, base) for entry in listed]
    if follows is None:
        return rows
    joint = np.array([entry.logprob for entry in listed]) + follows
    return [
        {
            **rows[place],
            "suffix_surprisal": decimals(-follows[place] / BASES[base]),
            "joint_surprisal": decimals(-joint[place] / BASES[base]),
            "joint_prob": probability(math.exp(joint[place])),
        }
        for place in np.argsort(-joint, kind="stable").tolist()
    ]


def _next_row(entry: NextWord, base: str) -> Row:
    return {
        "rank": entry.rank,
        "word": entry.word,
        "prob": probability(entry.prob),
        "cumulative": None if entry.cumulative is None else probability(entry.cumulative),
        "surprisal": decimals(-entry.logprob / BASES[base]),
        "oov": int(entry.oov),
    }


def calibration_rows(found: Calibration) -> Iterator[Row]:
    """A row of CALIBRATION_COLUMNS for every bin, the least likely words first; see `Calibration`."""
    edges = zip((0.0, *BINS), (*BINS, 1.0), strict=True)
    sums = (found.predicted.round(6), found.observed, found.top_predicted.round(6), found.top_observed)
    for limits, values in zip(edges, zip(*(column.tolist() for column in sums), strict=True), strict=True):
        yield dict(zip(CALIBRATION_COLUMNS, (*limits, *values), strict=True))


# Other programs' formats ----------------------------------------------------------------------


def zoo_tokens(words: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """A sentence's tokens as lm-zoo has them: between `<S>` and `</S>`, unknown words as `<UNK>`."""
    return [SENTENCE_START, *(word if word in vocabulary else UNKNOWN for word in words), SENTENCE_END]


def write_zoo(scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
    """`lm-zoo get-surprisals`: bits of every token, and 0 for `<S>`."""
    out.write("sentence_id\ttoken_id\ttoken\tsurprisal\n")
    for scored in scores:
        tokens = zoo_tokens(scored.sentence.words, vocabulary)
        bits = [0.0, *(-scored.logprobs / math.log(2) + 0.0).tolist()]
        for place, (token, value) in enumerate(zip(tokens, bits, strict=True), 1):
            out.write(f"{scored.sentence.number}\t{place}\t{cell(token)}\t{value:f}\n")
        out.flush()


def write_kenlm(scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
    """`query` of KenLM: word=id, no n-gram's length (0), log10 of the probability; totals at the end.

    Ids are the vocabulary's, but for `<UNK>` and the word of id 0, which change places: KenLM's id 0 is a word it
    does not know.
    """
    unknown = vocabulary.id(UNKNOWN)
    ids = {unknown: 0, 0: unknown}
    evaluation = Evaluation()
    for scored in evaluation.count(scores):
        logs = scored.logprobs / math.log(10)
        words = (*scored.tokens[:-1], CLASSIC_END)
        for word, index, log in zip(words, scored.ids.tolist(), logs, strict=True):
            out.write(f"{clean(word)}={ids.get(index, index)} 0 {log:.7g}\t")
        out.write(f"Total: {logs.sum():.7g} OOV: {scored.oov.sum()}\n")
        out.flush()
    if evaluation.tokens:
        out.write(f"Perplexity including OOVs:\t{evaluation.perplexity:.7g}\n")
        out.write(f"Perplexity excluding OOVs:\t{evaluation.known_perplexity:.7g}\n")
    out.write(f"OOVs:\t{evaluation.oov}\nTokens:\t{evaluation.tokens}\n")


def write_srilm(scores: Iterable[Scored], name: str, out: IO[str]) -> None:
    """`ngram -debug 2 -ppl` of SRILM, which leaves words outside the vocabulary out of its sums.

    It gives an n-gram's length, and programs that read it look for one: `1gram` stands for it.
    """
    whole = Evaluation()
    for scored in whole.count(scores):
        out.write(f"{clean(' '.join(scored.sentence.words))}\n")
        before = "<s>"
        for place, word in enumerate((*scored.tokens[:-1], CLASSIC_END)):
            out.write(
                f"\tp( {clean(word)} | {clean(before)} {'...' if place else ''}) \t= {_srilm_token(scored, place)}\n"
            )
            before = word
        alone = Evaluation()
        alone.add(scored)
        out.write(f"{_srilm_sums(alone)}\n\n")
        out.flush()
    out.write(f"file {clean(name)}: {_srilm_sums(whole)}\n")


def _srilm_token(scored: Scored, place: int) -> str:
    if scored.oov[place]:
        return "[OOV] 0 [ -inf ]"
    logprob = float(scored.logprobs[place])
    return f"[1gram] {math.exp(logprob):.6g} [ {logprob / math.log(10):.6g} ]"


def _srilm_sums(counted: Evaluation) -> str:
    """SRILM's two lines: ppl counts the ends of sentences, ppl1 does not."""
    log10 = (counted.logprob - counted.oov_logprob) / math.log(10)
    known = counted.words - counted.oov
    ppl, ppl1 = (10 ** (-log10 / count) if count else math.inf for count in (known + counted.sentences, known))
    return (
        f"{counted.sentences} sentences, {counted.words} words, {counted.oov} OOVs\n"
        f"0 zeroprobs, logprob= {log10:.6g} ppl= {ppl:.6g} ppl1= {ppl1:.6g}"
    )
