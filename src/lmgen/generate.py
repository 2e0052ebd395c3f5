"""Continue texts: many prompts and samples in one batch that is filled as rows become free."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from lmgen.constraints import Constraints, Limits
from lmgen.errors import UsageError
from lmgen.events import Ended, Step, Word
from lmgen.model import Context, LanguageModel, Reach, Screen, ScreeningModel, State, read_all, take
from lmgen.samplers import keep, log_total
from lmgen.sampling import Choice, Sampling, chain, choose, entropy, log_probability, probabilities, reach
from lmgen.tokenizer import Detokenizer
from lmgen.vocabulary import SENTENCE_END, SENTENCE_START

ROWS = 32
"""Rows of the batch at most."""
PARALLEL_FROM = 100_000
"""Softmax rows from which on threads choose words faster than one after the other."""

Settle = Callable[[np.ndarray, Reach], np.ndarray]
"""`Screen.settle` of one row."""


@dataclass(frozen=True)
class Generation:
    """What to write."""

    samples: int = 1
    """Continuations of each prompt. 1 <= samples."""
    max_words: int = 100
    """Words of each at most; `</S>` ends it sooner. 1 <= max_words."""
    sentences: int = 1
    """Sentences to end before it ends; the memory is carried from one to the next. 1 <= sentences."""
    stop: tuple[str, ...] = ()
    """A continuation ends with the word in which one of these texts is complete."""
    seed: int = 0
    """Sample s of every prompt draws from a generator seeded [seed, s]. 0 <= seed."""
    sampling: Sampling = field(default_factory=Sampling)
    constraints: Constraints = field(default_factory=Constraints)
    alternatives: int = 0
    """How many of the likeliest words to report with each word. 0 <= alternatives."""
    measure: bool = False
    """Whether to report entropy and masked share with each word."""

    def __post_init__(self) -> None:
        if min(self.samples, self.max_words, self.sentences) < 1:
            raise UsageError("samples, max-words and sentences must be 1 or more")
        if min(self.seed, self.alternatives) < 0:
            raise UsageError("the seed and the number of alternatives must be 0 or more")
        if "" in self.stop:
            raise UsageError("a stop text cannot be empty")


def changed(options: Generation, changes: dict[str, Any]) -> Generation:
    """Options with some fields set anew, be they of Generation, Sampling or Constraints.

    Raises UsageError for a value of the wrong type or out of range; unknown names are left alone.
    """
    try:
        return replace(
            options,
            sampling=replace(options.sampling, **_fields_of(Sampling, changes)),
            constraints=replace(options.constraints, **_fields_of(Constraints, changes)),
            **_fields_of(Generation, changes),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"an option has a value of the wrong type: {error}") from error


def flat(options: Generation) -> dict[str, Any]:
    """All options by their names, as `changed` takes them."""
    named = asdict(options)
    return {**named.pop("sampling"), **named.pop("constraints"), **named}


def option_names() -> set[str]:
    """Names that `changed` knows."""
    return {known.name for kind in (Generation, Sampling, Constraints) for known in fields(kind)}


def _fields_of(kind: type, changes: dict[str, Any]) -> dict[str, Any]:
    named = {known.name: known for known in fields(kind) if known.name not in ("sampling", "constraints")}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items() if name in named
    }


def generate(
    model: LanguageModel, context: Context, options: Generation, steps: bool = False
) -> Iterator[Step | Word | Ended]:
    """Write on from one context. Words of all samples come in turn; each sample ends with an Ended.

    The same seed gives a sample the same words, alone or among others. With `steps`, what was predicted
    comes before each word.
    """
    return _run(model, _samples(model, 0, context, options), ROWS, steps)


def generate_all(
    model: LanguageModel, prompts: Iterable[tuple[list[str], Generation]], rows: int = ROWS, steps: bool = False
) -> Iterator[Step | Word | Ended]:
    """Write on from many prompts, given as words and options; a row that ends makes place for the next.

    Prompts are taken and read so many at a time as there are rows.
    """
    return _run(model, _read(model, enumerate(prompts), rows), rows, steps)


def _read(model: LanguageModel, prompts: Iterator[tuple[int, tuple[list[str], Generation]]], rows: int):
    """The samples of all prompts, in order."""
    while group := list(islice(prompts, rows)):
        contexts = read_all(model, [words for _, (words, _) in group])
        for (number, (_, options)), context in zip(group, contexts, strict=True):
            yield from _samples(model, number, context, options)


class _Sample:
    """A continuation in the making."""

    def __init__(self, model: LanguageModel, prompt: int, sample: int, context: Context, options: Generation) -> None:
        self.prompt, self.sample, self.options = prompt, sample, options
        self.state, self.index, self._ended_sentences = context.state, 0, 0
        self._vocabulary = model.vocabulary
        self._rng = np.random.default_rng([options.seed, sample])
        self._chain = chain(options.sampling)
        self._history = [model.vocabulary.id(word) for word in context.words]
        self._joiner, self._text = Detokenizer(), ""

    @property
    def reach(self) -> Reach | None:
        """Which logits its next word and what is told of it depend on; None for all."""
        return None if self.options.measure or self.options.alternatives else reach(self.options.sampling)

    def choose(self, logits: np.ndarray, limits: Limits, settle: Settle | None) -> tuple[Choice, np.ndarray]:
        """The choice, and the logits it was drawn from."""
        allowed = limits.apply(logits, self.index)
        if settle:
            words = settle(allowed, self.reach)
            allowed = keep(limits.apply(logits, self.index), words)
        for sampler in self._chain:
            allowed = sampler(self._history, allowed)
        return choose(allowed, self.options.sampling.temperature, self._rng), allowed

    def write(
        self, logits: np.ndarray, limits: Limits, state: State, settle: Settle | None
    ) -> Iterator[Step | Word | Ended]:
        """The next word, and the end if it is one."""
        choice, allowed = self.choose(logits, limits, settle)
        text, logprob = self._vocabulary.word(choice.index), log_probability(logits, choice.index)
        yield Step(self.prompt, self.sample, text, logprob, logits, allowed, state)
        self._ended_sentences += text == SENTENCE_END
        if text == SENTENCE_END and self._ended_sentences == self.options.sentences:
            yield Ended(self.prompt, self.sample, "sentence", logprob)
            return
        yield self._word(choice, text, logprob, logits, limits)
        self._history.append(choice.index)
        self.index += 1
        if self._stopped(text):
            yield Ended(self.prompt, self.sample, "stop", 0.0)
        elif self.index == self.options.max_words:
            yield Ended(self.prompt, self.sample, "length", 0.0)

    def _word(self, choice: Choice, text: str, logprob: float, logits: np.ndarray, limits: Limits) -> Word:
        interval = (choice.draw, choice.low, choice.high)
        top = alternatives(logits, self.options.alternatives, self._vocabulary) if self.options.alternatives else ()
        bits = masked = None
        if self.options.measure:
            shares = probabilities(logits)
            bits = entropy(shares)
            masked = float(shares[np.isneginf(limits.apply(logits, self.index))].sum())
        return Word(self.prompt, self.sample, self.index, text, logprob, interval, top, bits, masked)

    def _stopped(self, word: str) -> bool:
        if not self.options.stop:
            return False
        piece = self._joiner.add(word)
        self._text = (self._text + piece)[-len(piece) - max(map(len, self.options.stop)) :]
        return any(text in self._text for text in self.options.stop)


def alternatives(logits: np.ndarray, count: int, vocabulary) -> tuple[tuple[str, float], ...]:
    """The likeliest words and their probabilities, the likeliest first; rows without a word are left out."""
    words = logits[: len(vocabulary)]
    count = min(count, len(words))
    best = np.argpartition(words, -count)[-count:]
    best = best[np.argsort(-words[best], kind="stable")]
    shares = np.exp(words[best] - log_total(logits))
    return tuple((vocabulary.word(index), share) for index, share in zip(best.tolist(), shares.tolist(), strict=True))


def _samples(model: LanguageModel, prompt: int, context: Context, options: Generation) -> Iterator[_Sample]:
    return (_Sample(model, prompt, sample, context, options) for sample in range(options.samples))


def _run(model: LanguageModel, waiting: Iterator[_Sample], rows: int, steps: bool) -> Iterator[Step | Word | Ended]:
    live: list[_Sample] = []
    state: State = ()
    limits: dict[Constraints, Limits] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while True:
            while len(live) < rows and (sample := next(waiting, None)):
                state = _append(state, sample.state) if live else sample.state
                live.append(sample)
            if not live:
                return
            going_on, words = [], []
            screen = _screen(model, state, live) if not steps else None
            for row, events in enumerate(_write(live, model, state, screen, limits, pool)):
                yield from (event for event in events if steps or not isinstance(event, Step))
                if isinstance(last := events[-1], Word):
                    going_on.append(row)
                    words.append(SENTENCE_START if last.text == SENTENCE_END else last.text)
            live = [live[row] for row in going_on]
            state = model.advance(take(state, going_on), words) if live else ()


def _screen(model: LanguageModel, state: State, live: list[_Sample]) -> Screen | None:
    """The logits, if the model need not compute all of them, nor any sample know them."""
    screened = isinstance(model, ScreeningModel) and all(sample.reach for sample in live)
    return model.screen(state) if screened else None


def _write(
    live: list[_Sample],
    model: LanguageModel,
    state: State,
    screen: Screen | None,
    limits: dict[Constraints, Limits],
    pool: ThreadPoolExecutor,
) -> Iterator[list[Step | Word | Ended]]:
    """The events of every row's next word. In a large vocabulary rows are shared out among threads."""
    logits = screen.logits if screen else model.logits(state)
    for wanted in {sample.options.constraints for sample in live} - limits.keys():
        limits[wanted] = Limits(wanted, model.vocabulary, logits.shape[1])
    shared_out = len(live) > 1 and logits.shape[1] >= PARALLEL_FROM
    each = pool.map if shared_out else map

    def written(row: int) -> list[Step | Word | Ended]:
        sample = live[row]
        settle = partial(screen.settle, row) if screen else None
        return list(sample.write(logits[row], limits[sample.options.constraints], take(state, [row]), settle))

    return each(written, range(len(live)))


def _append(state: State, other: State) -> State:
    return tuple(np.concatenate(pair) for pair in zip(state, other, strict=True))
