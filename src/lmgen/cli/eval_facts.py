"""What `lmgen eval` says of a text, as JSON and in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmgen.pictures import Bin, reliability
from lmgen.scoring import BASES, Calibration, Comparison, Evaluation, Mean, calibration_rows
from lmgen.text import whole_file


@dataclass(frozen=True)
class Found:
    """What is counted of a text."""

    evaluation: Evaluation = field(default_factory=Evaluation)
    comparison: Comparison | None = None
    calibration: Calibration | None = None


def facts_of(evaluation: Evaluation) -> dict[str, Any]:
    """Perplexities and counts."""
    low, high = evaluation.interval or (None, None)
    return {
        "perplexity": evaluation.perplexity,
        "low": low,
        "high": high,
        "bits_per_word": evaluation.nats / BASES["2"],
        "perplexity_without_oov": evaluation.known_perplexity,
        "predictions": evaluation.tokens,
        "words": evaluation.words,
        "sentences": evaluation.sentences,
        "oov": evaluation.oov,
    }


def difference(comparison: Comparison, name: str) -> dict[str, Any]:
    """Of the model from the one of that name, in bits per prediction: above 0 where the model is better."""
    return {"model": name, "shared_words": _mean(comparison.shared), "all_words": _mean(comparison.all)}


def _mean(mean: Mean) -> dict[str, Any]:
    low, high = mean.interval or (None, None)
    bits = {"bits_per_word": mean.value, "low": low, "high": high}
    in_bits = {name: None if value is None else value / BASES["2"] for name, value in bits.items()}
    return {**in_bits, "predictions": mean.tokens}


def calibration_facts(calibration: Calibration) -> dict[str, Any]:
    """The expected calibration error, and the bins."""
    return {"ece": calibration.error, "bins": list(calibration_rows(calibration))}


def told(facts: dict[str, Any]) -> str:
    """Facts in words, without the bins of a calibration."""
    return "\n".join(_lines(facts))


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    interval = f" (95 % interval {facts['low']:.2f} to {facts['high']:.2f})" if facts["low"] is not None else ""
    yield f"perplexity {facts['perplexity']:.2f}{interval}, {facts['bits_per_word']:.4f} bits per word"
    yield f"perplexity {facts['perplexity_without_oov']:.2f} without OOV targets"
    yield f"{facts['predictions']:,} predictions: {facts['words']:,} words and {facts['sentences']:,} sentence ends"
    share = facts["oov"] / facts["predictions"]
    yield f"{facts['oov']:,} OOV ({share:.2%}): {facts['model']} has {facts['vocabulary']:,} words"
    if "against" in facts:
        yield from _compared(facts["against"])
    if "calibration" in facts:
        yield f"expected calibration error {facts['calibration']['ece']:.4f}, of the most likely words in ten bins"
    yield f"protocol: {facts['protocol']}"


def _compared(against: dict[str, Any]) -> Iterator[str]:
    for what, mean in (
        ("words that both vocabularies have", against["shared_words"]),
        ("all words, where OOV words count as <UNK>", against["all_words"]),
    ):
        interval = f" (95 % interval {mean['low']:+.4f} to {mean['high']:+.4f})" if mean["low"] is not None else ""
        yield (
            f"against {against['model']}: {mean['bits_per_word']:+.4f} bits per word{interval} "
            f"over {mean['predictions']:,} predictions: {what}"
        )


def draw(calibration: Calibration, path: str) -> None:
    """Write the picture of a calibration."""
    bins = [
        Bin(row["low"], row["high"], row["predicted"] / calibration.tokens, row["observed"] / calibration.tokens)
        for row in calibration_rows(calibration)
    ]
    with whole_file(Path(path)) as partial:
        partial.write_bytes(reliability(bins).finish())
