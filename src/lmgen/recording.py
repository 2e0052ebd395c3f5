"""A generation's steps as runs for TensorBoard, written as the words come.

FOLDER/20261122-201530-the-president-said/   one call: the graph, and its only continuation; or of several
FOLDER/20261122-201530-the-president-said/prompt-0/sample-1/   each in a folder of its own
"""

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from lmgen import heatmap, hparams
from lmgen.events import Ended, Step, Word
from lmgen.generate import Generation
from lmgen.model import LanguageModel
from lmgen.prompts import Prompt
from lmgen.samplers import log_total
from lmgen.scoring import Scored, Scoring, memories
from lmgen.summaries import Writer, histogram_value, image_value, layout_value, new_run, plain, scalars, text_value
from lmgen.tokenizer import detokenize_sentences
from lmgen.vocabulary import SENTENCE_END, SENTENCE_START, UNKNOWN, Vocabulary

MASSES = (1, 10, 100, 1000)
LISTED, PICTURED = 10, 20
"""Likeliest words of a step that are written as text, and that are drawn."""
LIMITS = (1e-3, 1e-5, 1e-7)
"""Shares below which words are looked at only where there are too few others."""
LAYOUT = {
    "Words": {
        "surprisal and entropy, bits": ["word/surprisal", "softmax/entropy"],
        "perplexity so far": ["word/perplexity"],
        "rank": ["word/rank"],
    },
    "Softmax": {
        "mass of the likeliest words": [f"softmax/top_{count}$" for count in MASSES],
        "mass of what is never written": ["softmax/unknown", "softmax/no_word"],
    },
    "Speed": {"words per second": ["word/per_second"]},
}


class Board:
    """The runs of one call, in a new folder under `folder`."""

    def __init__(self, model: LanguageModel, folder: Path, histograms: bool = False, many: bool = False) -> None:
        """`many`: there are several prompts, each with a folder of its own."""
        self._model, self._folder, self._histograms, self._many = model, folder, histograms, many
        self._prompts: dict[int, Prompt] = {}
        self._left: Counter[int] = Counter()
        self._runs: dict[tuple[int, int], _Run] = {}
        self.run: Path | None = None
        """The call's folder, from the first prompt on."""

    def lay(self, prompts: Iterable[Prompt]) -> Iterator[Prompt]:
        """Pass prompts on; the first one names the call's folder."""
        for number, prompt in enumerate(prompts):
            self._prompts[number], self._left[number] = prompt, prompt.options.samples
            if self.run is None:
                self.run = new_run(self._folder, detokenize_sentences(prompt.words))
                self._describe()
            yield prompt

    def follow(self, events: Iterable[Step | Word | Ended]) -> Iterator[Word | Ended]:
        """Write what steps tell, and pass all else on. However it ends, the files are left whole."""
        try:
            for event in events:
                if isinstance(event, Step):
                    self._run_of(event).add(event)
                    continue
                if isinstance(event, Ended):
                    self._end(event)
                yield event
        finally:
            for run in self._runs.values():
                run.close()

    def _end(self, ended: Ended) -> None:
        """A continuation is complete; its prompt is forgotten with the last one."""
        self._runs.pop((ended.prompt, ended.sample)).close()
        self._left[ended.prompt] -= 1
        if not self._left[ended.prompt]:
            del self._prompts[ended.prompt], self._left[ended.prompt]

    def _describe(self) -> None:
        """What concerns all continuations: the graph, and what the tabs show."""
        writer = Writer(self.run)
        writer.write_graph(self._model.graph())
        writer.write(0, [layout_value(LAYOUT), hparams.experiment()])
        writer.close()

    def _run_of(self, step: Step) -> "_Run":
        key = (step.prompt, step.sample)
        if key not in self._runs:
            prompt, folder = self._prompts[step.prompt], self.run
            if self._many:
                folder /= f"prompt-{step.prompt}"
            if prompt.options.samples > 1:
                folder /= f"sample-{step.sample}"
            self._runs[key] = _Run(self._model, folder, prompt, f"{self.run.name} {step.prompt}", self._histograms)
        return self._runs[key]


def record_scored(board: Board, model: LanguageModel, options: Scoring, scored: Iterable[Scored]) -> Iterator[Scored]:
    """Pass on texts that were scored, each as a run that tells what was predicted before every token."""
    passed: deque[Scored] = deque()

    def prompts() -> Iterator[Prompt]:
        for item in scored:
            passed.append(item)
            yield Prompt(list(item.sentence.words), Generation())

    def events() -> Iterator[Step | Ended]:
        last = None
        for number, _ in enumerate(board.lay(prompts())):
            item = passed[0]
            for token, state in zip(item.tokens, memories(model, item.sentence, options, last), strict=True):
                [logits] = model.logits(state)
                yield Step(number, 0, token, logits, logits, state)
                last = state
            yield Ended(number, 0, "sentence", 0.0)

    for _ in board.follow(events()):  # the ends
        yield passed.popleft()


class _Run:
    """One continuation."""

    def __init__(self, model: LanguageModel, folder: Path, prompt: Prompt, group: str, histograms: bool) -> None:
        self._model, self._histograms = model, histograms
        self._words: list[str] = []
        self._columns: list[heatmap.Column] = []
        self._bits, self._began = 0.0, time.monotonic()
        self._writer = Writer(folder)
        prefix = text_value("text/prefix", plain(detokenize_sentences(prompt.words)))
        self._writer.write(0, [prefix, hparams.begun(prompt.options, group)])

    def add(self, step: Step) -> None:
        """Write what is to be told of a step."""
        number, vocabulary = len(self._words), self._model.vocabulary
        values, column = measure(step.logits, step.text, vocabulary)
        self._words.append(step.text)
        self._columns.append(column)
        self._bits += values["word/surprisal"]
        values["word/perplexity"] = 2 ** (self._bits / (number + 1))
        if number:  # the first word waited for nothing
            values["word/per_second"] = number / max(time.monotonic() - self._began, 1e-9)
        self._writer.write(number, [*scalars(values), text_value("text/top_10", _table(column))])
        if self._histograms:
            self._writer.write(number, self._distributions(step))

    def close(self) -> None:
        """Write what is to be told of the whole."""
        if count := len(self._words):
            written = text_value("text/continuation", plain(detokenize_sentences(self._words)))
            picture = image_value("softmax/likeliest", heatmap.draw(self._columns))
            mean = scalars({hparams.MEAN: self._bits / count})
            self._writer.write(count - 1, [written, picture, *mean, hparams.done()])
        self._writer.close()

    def _distributions(self, step: Step) -> Iterator[Summary.Value]:
        """Histograms: what was predicted, the memory that predicted it, and the gates that let the word in."""
        yield histogram_value("logprobs/model", step.logits - log_total(step.logits))
        yield histogram_value("logprobs/sampled", step.allowed - log_total(step.allowed))
        word = SENTENCE_START if step.text == SENTENCE_END else step.text
        for layer, (gates, state) in enumerate(zip(self._model.gates(step.state, [word]), step.state, strict=True)):
            cells, h = np.split(state, [gates["forget"].shape[1]], axis=1)
            for name, values in {**gates, "cells": cells, "h": h}.items():
                yield histogram_value(f"lstm_{layer}/{name}", values)


def measure(logits: np.ndarray, word: str, vocabulary: Vocabulary) -> tuple[dict[str, float], heatmap.Column]:
    """What one softmax tells: scalars by their tags, and the likeliest words.

    Args:
      logits: the model's own, float32 [softmax rows].
      word: the one that came.
    """
    highest = logits.max()
    shares = np.exp(logits - highest)
    total = shares.sum(dtype=np.float64)
    shares /= np.float32(total)
    log_sum, index = float(highest) + math.log(total), vocabulary.id(word)
    likeliest = _likeliest(shares[: len(vocabulary)], PICTURED).tolist()
    values = {
        "word/surprisal": (log_sum - float(logits[index])) / math.log(2),
        "word/rank": 1 + np.count_nonzero(logits > logits[index]),
        "softmax/entropy": (log_sum - float(shares @ logits)) / math.log(2),
        "softmax/unknown": float(shares[vocabulary.id(UNKNOWN)]),
        "softmax/no_word": float(shares[len(vocabulary) :].sum()),
        **{f"softmax/top_{count}": mass for count, mass in zip(MASSES, _masses(shares), strict=True)},
    }
    words = [vocabulary.word(place) for place in likeliest]
    return values, heatmap.Column(word, float(shares[index]), words, shares[likeliest])


def _likeliest(shares: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` highest shares, by falling share."""
    places = _places_of_most(shares, count)
    places = places[np.argsort(-shares[places], kind="stable")]
    return places[:count]


def _masses(shares: np.ndarray) -> list[float]:
    """What the 1, 10, 100, … likeliest have together."""
    some = shares[_places_of_most(shares, MASSES[-1])]
    ordered = np.partition(some, [-count for count in MASSES if count <= len(some)])
    return [float(ordered[-count:].sum(dtype=np.float64)) for count in MASSES]


def _places_of_most(shares: np.ndarray, count: int) -> np.ndarray:
    """Places of at least the `count` highest shares, mostly of few others: a way not to sort all."""
    for limit in LIMITS:
        places = np.flatnonzero(shares > limit)
        if len(places) >= count:
            return places
    return np.arange(len(shares))


def _table(column: heatmap.Column) -> str:
    """The likeliest words of a step, in Markdown; the one that came is bold."""
    rows = [f"**{plain(column.word)}** {column.share:.2%}", "", "| | word | probability |", "|-:|:-|-:|"]
    for rank, (word, share) in enumerate(zip(column.words[:LISTED], column.shares.tolist(), strict=False), 1):
        shown = f"**{plain(word)}**" if word == column.word else plain(word)
        rows.append(f"| {rank} | {shown} | {share:.2%} |")
    return "\n".join(rows)
