"""Scores as rows, and as lm-zoo, KenLM and SRILM write them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from lmgen.scoring.evaluation import Evaluation
from lmgen.scoring.score import Scored
from lmgen.text import SENTENCE_END, SENTENCE_START, UNKNOWN, Row, Vocabulary, clean

BASES = {"2": math.log(2), "e": 1.0, "10": math.log(10)}
"""Logarithms, each with the nats of its unit."""
UNITS = {"2": "bits", "e": "nats", "10": "bans"}
COLUMNS = ("sentence_id", "token_id", "token", "surprisal", "logprob", "prob", "rank", "entropy", "oov")
CLASSIC_END = "</s>"
"""How KenLM and SRILM write the end of a sentence."""


def token_rows(scores: Iterable[Scored], base: str, columns: Sequence[str] = COLUMNS) -> Iterator[Row]:
    """A row for every token: the sentence's own columns, then `columns`.

    surprisal and entropy are in units of the base, logprob is the natural logarithm; ids begin at 1.
    """
    for number, scored in enumerate(scores, 1):
        for place in range(len(scored.tokens)):
            row = {"sentence_id": number, **_token_row(scored, place, BASES[base])}
            yield {**scored.sentence.extra, **{name: row[name] for name in columns}}


def _token_row(scored: Scored, place: int, unit: float) -> Row:
    logprob, measures = float(scored.logprobs[place]), scored.measures
    return {
        "token_id": place + 1,
        "token": scored.tokens[place],
        "surprisal": decimals(-logprob / unit),
        "logprob": decimals(logprob),
        "prob": probability(math.exp(logprob)),
        "rank": int(measures.ranks[place]),
        "entropy": decimals(measures.entropies[place] / unit),
        "oov": int(scored.oov[place]),
    }


def decimals(value: float) -> float:
    """Six decimals, and no minus before zero."""
    return round(float(value), 6) + 0.0


def probability(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")


def sentence_rows(scores: Iterable[Scored], base: str, reduce: str) -> Iterator[Row]:
    """A row for every sentence: its own columns, its counts of tokens, and the `sum` or `mean` of their scores."""
    for number, scored in enumerate(scores, 1):
        count = len(scored.tokens)
        logprob = float(scored.logprobs.sum()) / (count if reduce == "mean" else 1)
        yield {
            **scored.sentence.extra,
            "sentence_id": number,
            "sentence": " ".join(scored.sentence.words),
            "tokens": count,
            "oov": int(scored.oov.sum()),
            "surprisal": decimals(-logprob / BASES[base]),
            "logprob": decimals(logprob),
        }


# Other programs' formats ----------------------------------------------------------------------


def zoo_tokens(words: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """A sentence's tokens as lm-zoo has them: between `<S>` and `</S>`, unknown words as `<UNK>`."""
    return [SENTENCE_START, *(word if word in vocabulary else UNKNOWN for word in words), SENTENCE_END]


def write_zoo(scores: Iterable[Scored], vocabulary: Vocabulary, out: IO[str]) -> None:
    """`lm-zoo get-surprisals`: bits of every token, and 0 for `<S>`."""
    out.write("sentence_id\ttoken_id\ttoken\tsurprisal\n")
    for number, scored in enumerate(scores, 1):
        tokens = zoo_tokens(scored.sentence.words, vocabulary)
        bits = [0.0, *(-scored.logprobs / math.log(2) + 0.0).tolist()]
        for place, (token, value) in enumerate(zip(tokens, bits, strict=True), 1):
            out.write(f"{number}\t{place}\t{clean(token)}\t{value:f}\n")
        out.flush()


def write_kenlm(scores: Iterable[Scored], out: IO[str]) -> None:
    """`query` of KenLM: word=id, no n-gram's length (0), log10 of the probability; totals at the end."""
    evaluation = Evaluation()
    for scored in evaluation.count(scores):
        logs = scored.logprobs / math.log(10)
        words = (*scored.tokens[:-1], CLASSIC_END)
        for word, index, log in zip(words, scored.ids, logs, strict=True):
            out.write(f"{clean(word)}={index} 0 {log:.7g}\t")
        out.write(f"Total: {logs.sum():.7g} OOV: {scored.oov.sum()}\n")
        out.flush()
    if evaluation.tokens:
        out.write(f"Perplexity including OOVs:\t{evaluation.perplexity:.7g}\n")
        out.write(f"Perplexity excluding OOVs:\t{evaluation.known_perplexity:.7g}\n")
    out.write(f"OOVs:\t{evaluation.oov}\nTokens:\t{evaluation.tokens}\n")


def write_srilm(scores: Iterable[Scored], name: str, out: IO[str]) -> None:
    """`ngram -debug 2 -ppl` of SRILM, which leaves words outside the vocabulary out of its sums."""
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
    out.write(f"file {name}: {_srilm_sums(whole)}\n")


def _srilm_token(scored: Scored, place: int) -> str:
    if scored.oov[place]:
        return "[OOV] 0 [ -inf ]"
    logprob = float(scored.logprobs[place])
    return f"[rnn] {math.exp(logprob):.6g} [ {logprob / math.log(10):.6g} ]"


def _srilm_sums(counted: Evaluation) -> str:
    """SRILM's two lines: ppl counts the ends of sentences, ppl1 does not."""
    log10 = (counted.logprob - counted.oov_logprob) / math.log(10)
    known = counted.words - counted.oov
    ppl, ppl1 = (10 ** (-log10 / count) if count else math.inf for count in (known + counted.sentences, known))
    return (
        f"{counted.sentences} sentences, {counted.words} words, {counted.oov} OOVs\n"
        f"0 zeroprobs, logprob= {log10:.6g} ppl= {ppl:.6g} ppl1= {ppl1:.6g}"
    )
