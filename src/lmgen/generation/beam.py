"""The most likely continuations, by beam search with exact log-probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lmgen.generation.constraints import Limits
from lmgen.generation.events import Ended, Word
from lmgen.generation.options import Generation
from lmgen.model import Context, LanguageModel, take
from lmgen.softmax import log_total, most_likely
from lmgen.text import SENTENCE_END, Vocabulary


@dataclass(frozen=True)
class Hypothesis:
    """A continuation and its probability."""

    words: tuple[str, ...] = ()
    """With the `</S>` that ends it, if it ended."""
    logprobs: tuple[float, ...] = ()
    """ln of each word's probability in the model's own distribution."""

    @property
    def ended(self) -> bool:
        """Whether the sentence is complete."""
        return self.words[-1:] == (SENTENCE_END,)

    def score(self, length_penalty: float) -> float:
        """Its log-probability / length ** penalty, the length counting words and `</S>`."""
        return sum(self.logprobs) / len(self.words) ** length_penalty

    def longer(self, word: str, logprob: float) -> "Hypothesis":
        """With one more word."""
        return Hypothesis((*self.words, word), (*self.logprobs, logprob))


def search(
    model: LanguageModel, context: Context, width: int, options: Generation, length_penalty: float = 0.0
) -> list[Hypothesis]:
    """The best `width` continuations found, the best first.

    Args:
      width: hypotheses kept at every step. 1 <= width.
      length_penalty: 0 ranks by probability, 1 by the mean log-probability per word (Wu et al. 2016
        have lengths between). 0 <= length_penalty.

    Constraints hold, samplers do not: there is nothing to draw. It stops when no hypothesis that is
    still open can overtake the worst of `width` complete ones.
    """
    state, going = context.state, [Hypothesis()]
    complete: list[Hypothesis] = []
    limits: Limits | None = None
    for index in range(options.max_words):
        logits = model.logits(state)
        limits = limits or Limits(options.constraints, model.vocabulary, logits.shape[1])
        allowed = np.isfinite(logits + limits.shift(index))
        logprobs = np.where(allowed, logits - log_total(logits), -np.inf)
        found = _extend(going, logprobs, model.vocabulary, 2 * width)
        complete = _best([*complete, *(new for _, new in found if new.ended)], width, length_penalty)
        kept = [(parent, new) for parent, new in found if not new.ended][:width]
        going = [new for _, new in kept]
        if not going or _settled(complete, going, width, options.max_words, length_penalty):
            return complete
        if index + 1 < options.max_words:
            state = model.advance(take(state, [parent for parent, _ in kept]), [new.words[-1] for new in going])
    return _best([*complete, *going], width, length_penalty)


def _best(hypotheses: list[Hypothesis], width: int, length_penalty: float) -> list[Hypothesis]:
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score(length_penalty))[:width]


def _extend(
    going: list[Hypothesis], logprobs: np.ndarray, vocabulary: Vocabulary, count: int
) -> list[tuple[int, Hypothesis]]:
    """The `count` most likely extensions by one word, each with the place of what it extends.

    Twice the beam's width always holds enough that continue, since each hypothesis can end only once.

    Args:
      logprobs: ln of each word's probability, -inf where it may not be written, [hypotheses, softmax rows].
    """
    sums = (logprobs + np.array([[sum(hypothesis.logprobs)] for hypothesis in going])).ravel()
    best = most_likely(sums, count)
    places = zip(*np.unravel_index(best[np.isfinite(sums[best])], logprobs.shape), strict=True)
    return [
        (int(parent), going[parent].longer(vocabulary.word(int(row)), float(logprobs[parent, row])))
        for parent, row in places
    ]


def _settled(
    complete: list[Hypothesis], going: list[Hypothesis], width: int, longest: int, length_penalty: float
) -> bool:
    """Whether nothing open can still overtake: probabilities only fall, lengths only grow to `longest`."""
    best_open = max(sum(hypothesis.logprobs) for hypothesis in going) / longest**length_penalty
    return len(complete) == width and complete[-1].score(length_penalty) >= best_open


def hypothesis_events(hypothesis: Hypothesis, prompt: int, sample: int) -> Iterator[Word | Ended]:
    """A hypothesis as if it were written word by word."""
    pairs = list(zip(hypothesis.words, hypothesis.logprobs, strict=True))
    words, ending = (pairs[:-1], pairs[-1][1]) if hypothesis.ended else (pairs, 0.0)
    for index, (word, logprob) in enumerate(words):
        yield Word(prompt, sample, index, word, logprob)
    yield Ended(prompt, sample, "sentence" if hypothesis.ended else "length", ending)
