"""Continue a text: many samples at once, as a stream of events."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lmgen.errors import UsageError
from lmgen.events import Ended, Word
from lmgen.model import Context, LanguageModel, take
from lmgen.sampling import Sampling, choose, log_probability, processors
from lmgen.vocabulary import SENTENCE_END


@dataclass(frozen=True)
class Generation:
    """What to write."""

    samples: int = 1
    """Continuations, written side by side. 1 <= samples."""
    max_words: int = 100
    """Words of each at most; `</S>` ends it sooner. 1 <= max_words."""
    seed: int = 0
    """Sample s draws from a generator of its own, seeded [seed, s]. 0 <= seed."""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        if min(self.samples, self.max_words) < 1 or self.seed < 0:
            raise UsageError("samples and max-words must be 1 or more, the seed 0 or more")


def generate(model: LanguageModel, context: Context, options: Generation) -> Iterator[Word | Ended]:
    """Write on from a context. Words of all samples come in turn; each sample ends with an Ended.

    The same seed gives a sample the same words, alone or among others.
    """
    rngs = [np.random.default_rng([options.seed, sample]) for sample in range(options.samples)]
    process = processors(options.sampling, model.vocabulary)
    live = list(range(options.samples))
    state = take(context.state, [0] * options.samples)
    for index in range(options.max_words):
        words, going_on = [], []
        for row, (sample, logits) in enumerate(zip(live, model.logits(state), strict=True)):
            chosen = _choose(logits, process, options.sampling.temperature, rngs[sample])
            text, logprob = model.vocabulary.word(chosen), log_probability(logits, chosen)
            if text == SENTENCE_END:
                yield Ended(sample, "sentence", logprob)
                continue
            yield Word(sample, index, text, logprob)
            words.append(text)
            going_on.append(row)
        live = [live[row] for row in going_on]
        if not live:
            return
        if index + 1 < options.max_words:
            state = model.advance(take(state, going_on), words)
    for sample in live:
        yield Ended(sample, "length", 0.0)


def _choose(logits: np.ndarray, process: list, temperature: float, rng: np.random.Generator) -> int:
    for step in process:
        logits = step(logits)
    return choose(logits, temperature, rng)
