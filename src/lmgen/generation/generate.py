"""Continue texts: many prompts and samples in one batch that is filled as rows become free."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice

import numpy as np

from lmgen.errors import UsageError
from lmgen.generation.constraints import Constraints, Limits
from lmgen.generation.draw import Choice, Nucleus, among, choose, choose_below, choose_except
from lmgen.generation.events import Ended, Step, Word
from lmgen.generation.options import Generation
from lmgen.generation.sampling import chain, draws_by_bounds, reach
from lmgen.model import Context, LanguageModel, Reach, Rows, Screen, ScreeningModel, State, follow, read_all, take
from lmgen.softmax import RULED_OUT, entropy, log_probability, log_total, most_likely, probabilities
from lmgen.text import SENTENCE_END, SENTENCE_START, Detokenizer, Vocabulary

ROWS = 32
"""Rows of the batch at most."""
COMPILED = 64
"""Constraints kept ready, besides those in use."""
Numbered = tuple[int, tuple[list[str], Generation]]
"""A prompt's number from 0, its words and options."""
PARALLEL_FROM = 100_000
"""Words of a vocabulary from which on threads choose words faster than one after the other."""


def generate_from(
    model: LanguageModel, context: Context, options: Generation, steps: bool = False, all_logits: bool = True
) -> Generator[Step | Word | Ended, None, None]:
    """Continue one context. Words of all samples come in turn; each sample ends with an Ended.

    The same seed gives a sample the same words, alone or among others. With `steps`, what was predicted
    comes before each word; without `all_logits` its logits may be near the model's where the choice did not
    depend on them.
    """
    return _run(Batch(model, steps, steps and all_logits), samples_of(model, 0, context, options), ROWS)


def generate_all(
    model: LanguageModel,
    prompts: Iterable[tuple[list[str], Generation]],
    rows: int = ROWS,
    steps: bool = False,
    ready: Callable[[], bool] = lambda: True,
) -> Generator[Step | Word | Ended, None, None]:
    """Continue many prompts, given as words and options; a row that ends makes place for the next.

    Prompts are taken and read so many at a time as there are rows.

    Args:
      ready: whether the next prompt is there; what has begun does not wait for one that is not.
    """
    batch = Batch(model, steps, all_logits=steps)
    groups = _groups(enumerate(prompts), rows, ready, lambda: not batch.live)
    return _run(batch, _read(model, groups), rows)


def _run(batch: "Batch", waiting: "Iterator[Sample | None]", rows: int) -> Generator[Step | Word | Ended, None, None]:
    """Let all samples grow, so many at once, until each has ended."""
    with batch:
        while True:
            while len(batch.live) < rows and (sample := next(waiting, None)):
                batch.add([sample])
            if not batch.live:
                return
            for _, events in batch.step():
                yield from events


def _groups(
    prompts: Iterator[Numbered], rows: int, ready: Callable[[], bool], idle: Callable[[], bool]
) -> Iterator[list[Numbered]]:
    """Prompts to be read together; none while the next is not there, unless there is nothing else to do than to wait."""
    while True:
        group: list[Numbered] = []
        if idle() or ready():
            group += islice(prompts, 1)
            if not group:
                return
        while group and len(group) < rows and ready() and (more := next(prompts, None)):
            group.append(more)
        yield group


def _read(model: LanguageModel, groups: Iterator[list[Numbered]]) -> "Iterator[Sample | None]":
    """The samples of all prompts, in order; None where the next prompt is not there."""
    for group in groups:
        contexts = read_all(model, [words for _, (words, _) in group])
        for (number, (_, options)), context in zip(group, contexts, strict=True):
            yield from samples_of(model, number, context, options)
        if not group:
            yield None


class Sample:
    """A continuation in the making."""

    def __init__(self, model: LanguageModel, prompt: int, sample: int, context: Context, options: Generation) -> None:
        self.prompt, self.sample, self.options = prompt, sample, options
        self.state, self.index, self._ended_sentences, self._length = context.state, 0, 0, 0
        self._vocabulary = model.vocabulary
        self._rng = np.random.default_rng([options.seed, sample, prompt])
        self._chain = chain(options.sampling, model.vocabulary.id(SENTENCE_END))
        self._reach = reach(options.sampling)
        self.draws_by_bounds = draws_by_bounds(options.sampling)
        self._draws_as_predicted = self.draws_by_bounds and not self._chain
        self._history = [model.vocabulary.id(word) for word in context.words]
        self._joiner, self._text = _joiner_after(context.words), ""

    @property
    def _place(self) -> tuple[int, int]:
        """Of the next word: in the continuation, and in its sentence."""
        return self.index, self._length

    @property
    def needs_all(self) -> bool:
        """Whether its next word, or what is reported of it, depends on all logits."""
        reported = self.options.measure or self.options.audit or self.options.alternatives
        return bool(reported) or not (self._reach or self.draws_by_bounds)

    def _choose(
        self, logits: np.ndarray, limits: Limits, screen: Screen | None
    ) -> tuple[Choice, float, np.ndarray | None]:
        """The choice, ln of its probability, and the logits it was drawn from, if they had to be computed."""
        ruled_out, shift, near = limits.ruled_out(*self._place), limits.shift(*self._place), self._reach
        allowed: np.ndarray | None = None
        if screen and self.draws_by_bounds:
            choice = self._draw_below(screen, shift)
            if self.options.audit:
                choice = among(choice, self._sampled(logits + shift))
        elif self._draws_as_predicted and ruled_out is not None:
            return *choose_except(logits, ruled_out, self._rng), None
        else:
            allowed = self._sampled(self._in_reach(screen, shift, near) if screen and near else logits + shift)
            choice = choose(allowed, self.options.sampling.temperature, self._rng)
        return choice, log_probability(logits, choice.index), allowed

    def _sampled(self, allowed: np.ndarray) -> np.ndarray:
        """Logits with the constraints in force, through all samplers."""
        for sampler in self._chain:
            allowed = sampler(self._history, allowed)
        if self._chain and allowed.max() == RULED_OUT:
            raise UsageError(
                "the samplers leave no word to write: relax --no-repeat-ngram, or the constraints beside it"
            )
        return allowed

    def _draw_below(self, screen: Screen, shift: np.ndarray) -> Choice:
        """A draw from all words, or those of top-p, of which few are settled."""
        sampling, bounds = self.options.sampling, screen.bounds(screen.logits + shift)

        def settle(words: np.ndarray) -> np.ndarray:
            screen.settle(words)
            return screen.logits[words] + shift[words]

        keeps = Nucleus(bounds, settle, sampling.temperature, sampling.top_p).keeps if sampling.top_p < 1 else None
        if choice := choose_below(bounds[1], settle, sampling.temperature, self._rng, keeps):
            return choice
        return choose(self._sampled(settle(np.arange(len(shift)))), sampling.temperature, self._rng)

    def _in_reach(self, screen: Screen, shift: np.ndarray, near: Reach) -> np.ndarray:
        """The logits that the choice depends on, settled, with the constraints in force; -inf for all others."""
        words = screen.settle_reach(shift, near)
        allowed = np.full_like(shift, RULED_OUT)
        allowed[words] = screen.logits[words] + shift[words]
        return allowed

    def write(
        self, logits: np.ndarray, limits: Limits, screen: Screen | None, memory: State | None
    ) -> Iterator[Step | Word | Ended]:
        """The next word, and the end if it is one; before it, if the memory is given, what that predicted.

        Args:
          logits: of this text, float32 [softmax rows].
          memory: its LSTM state, one row.
        """
        choice, logprob, allowed = self._choose(logits, limits, screen)
        text = self._vocabulary.word(choice.index)
        if memory is not None:
            allowed = self._sampled(logits + limits.shift(*self._place)) if allowed is None else allowed
            yield Step(self.prompt, self.sample, text, logprob, logits, allowed, memory)
        self._ended_sentences += text == SENTENCE_END
        if text == SENTENCE_END and self._ended_sentences == self.options.sentences:
            interval = (choice.draw, choice.low, choice.high)
            yield Ended(self.prompt, self.sample, "sentence", logprob, self.index, interval, self._top(logits))
            return
        yield self._word(choice, text, logprob, logits, limits)
        self._history.append(choice.index)
        self.index += 1
        self._length = 0 if text == SENTENCE_END else self._length + 1
        if self._stopped(text):
            yield Ended(self.prompt, self.sample, "stop", 0.0)
        elif self.index == self.options.max_words:
            yield Ended(self.prompt, self.sample, "length", 0.0)

    def _word(self, choice: Choice, text: str, logprob: float, logits: np.ndarray, limits: Limits) -> Word:
        interval = (choice.draw, choice.low, choice.high)
        bits = masked = None
        if self.options.measure:
            shares = probabilities(logits)
            bits = entropy(shares)
            masked = float(shares[np.isneginf(limits.shift(*self._place))].sum())
        return Word(self.prompt, self.sample, self.index, text, logprob, interval, self._top(logits), bits, masked)

    def _top(self, logits: np.ndarray) -> tuple[tuple[str, float], ...]:
        count = self.options.alternatives
        return alternatives(logits, count, self._vocabulary) if count else ()

    def _stopped(self, word: str) -> bool:
        if not self.options.stop:
            return False
        if word == SENTENCE_END:
            self._joiner, self._text = Detokenizer(), f"{self._text} "
            return False
        piece = self._joiner.add(word)
        self._text = (self._text + piece)[-len(piece) - max(map(len, self.options.stop)) :]
        return any(text in self._text for text in self.options.stop)


def _joiner_after(words: Sequence[str]) -> Detokenizer:
    """What joins words after a text: quotes that its last sentence opened are still to be closed."""
    joiner = Detokenizer()
    for word in words:
        if word in (SENTENCE_START, SENTENCE_END):
            joiner = Detokenizer()
        else:
            joiner.add(word)
    return joiner


def alternatives(logits: np.ndarray, count: int, vocabulary: Vocabulary) -> tuple[tuple[str, float], ...]:
    """The most likely words and their probabilities, the highest first; padding rows are left out.

    Args:
      logits: float32 [softmax rows].
    """
    words = logits[: len(vocabulary)]
    best = most_likely(words, count)
    shares = np.exp(words[best] - log_total(logits))
    return tuple((vocabulary.word(index), share) for index, share in zip(best.tolist(), shares.tolist(), strict=True))


def samples_of(model: LanguageModel, prompt: int, context: Context, options: Generation) -> Iterator[Sample]:
    """Continuations to be written of the prompt of this number."""
    return (Sample(model, prompt, sample, context, options) for sample in range(options.samples))


class Batch(AbstractContextManager["Batch"]):
    """Samples that grow side by side: one row of the memory each. Samples join and leave between steps.

    Args:
      steps: yield what was predicted before each word.
      all_logits: let those be the model's own, even where the choice does not depend on them.
    """

    def __init__(self, model: LanguageModel, steps: bool = False, all_logits: bool = False) -> None:
        self._model, self._steps, self._all_logits = model, steps, all_logits
        self.live: list[Sample] = []
        """Those that grow."""
        self._states: list[State] = []
        self._limits: dict[Constraints, Limits] = {}
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown()

    def add(self, samples: Sequence[Sample]) -> None:
        """Let samples join."""
        self._states += [sample.state for sample in samples]
        self.live += samples

    @property
    def _state(self) -> State:
        """The memory, a row for each live sample; what has joined is put together when it is needed."""
        if len(self._states) > 1:
            self._states = [tuple(map(np.concatenate, zip(*self._states, strict=True)))]
        return self._states[0]

    def compile(self, wanted: set[Constraints], rows: int) -> None:
        """Make constraints ready, which a step does otherwise. Raises UsageError if they cannot be met.

        Args:
          rows: those of the softmax.
        """
        new = wanted - self._limits.keys()
        if len(self._limits) + len(new) > COMPILED:
            needed = wanted | {sample.options.constraints for sample in self.live}
            self._limits = {kept: limits for kept, limits in self._limits.items() if kept in needed}
        self._limits.update({one: Limits(one, self._model.vocabulary, rows) for one in new})

    def step(self) -> Iterator[tuple[Sample, list[Step | Word | Ended]]]:
        """One more word of each sample; those that end leave, each with the memory that its last word came from."""
        going_on, words = [], []
        for row, events in enumerate(self._write()):
            yield self.live[row], events
            if isinstance(last := events[-1], Word):
                going_on.append(row)
                words.append(last.text)
            else:
                self.live[row].state = take(self._state, [row])
        self._keep(going_on)
        if self.live:
            self._states = [follow(self._model, self._state, words)]

    def leave(self, gone: Callable[[Sample], bool]) -> None:
        """Let samples leave before their end."""
        staying = [row for row, sample in enumerate(self.live) if not gone(sample)]
        if len(staying) < len(self.live):
            self._keep(staying)

    def _keep(self, rows: list[int]) -> None:
        self.live = [self.live[row] for row in rows]
        self._states = [take(self._state, rows)] if self.live else []

    def _write(self) -> list[list[Step | Word | Ended]]:
        """The events of every row's next word. In a large vocabulary rows are shared out among threads."""
        logits, screens = self._predict()
        self.compile({sample.options.constraints for sample in self.live}, len(logits[0]))
        many = len(self.live) > 1 and len(self._model.vocabulary) >= PARALLEL_FROM

        def written(row: int) -> list[Step | Word | Ended]:
            sample = self.live[row]
            memory = take(self._state, [row]) if self._steps else None
            return list(sample.write(logits[row], self._limits[sample.options.constraints], screens[row], memory))

        return list((self._pool.map if many else map)(written, range(len(self.live))))

    def _predict(self) -> tuple[Rows | list[np.ndarray], Sequence[Screen | None]]:
        """The logits of every row, and screens for the rows whose words are chosen by one.

        A row that draws from all words is always given its screen: so it draws the same, whatever is reported of it.
        """
        model, draws = self._model, [sample.draws_by_bounds for sample in self.live]
        all_needed = self._all_logits or any(sample.needs_all for sample in self.live)
        if not isinstance(model, ScreeningModel) or (all_needed and not any(draws)):
            return self._rows(), [None] * len(draws)
        screens = model.screen(self._state)
        if not all_needed:
            return [screen.logits for screen in screens], screens
        return self._rows(), [screen if draw else None for screen, draw in zip(screens, draws, strict=True)]

    def _rows(self) -> Rows:
        return Rows(self._model.logits_in_parts(self._model.hidden(self._state)))
