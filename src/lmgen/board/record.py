"""A generation's steps as runs for TensorBoard, written as the words come, by a process of its own.

FOLDER/the-president-said-seed-3-20261122-201530/   one call: the graph, and its only continuation; or of several
FOLDER/the-president-said-seed-3-20261122-201530/prompt-1-the-old-man/sample-1/   each in a folder of its own
"""

import itertools
import re
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lmgen.board.client import Writer
from lmgen.engines import look_inside
from lmgen.errors import MissingError
from lmgen.generation import Ended, Generation, Prompt, Step, Word
from lmgen.model import LanguageModel, to_read
from lmgen.scoring import Scored, Scoring, memories
from lmgen.softmax import log_probability, log_total
from lmgen.text import detokenize_sentences

NAME = 40
"""Letters of a title in a run's name at most."""


class Board:
    """The runs of one call, in a new folder under `folder`."""

    def __init__(
        self, writer: Writer, model: LanguageModel, folder: Path, histograms: bool = False, many: bool = False
    ) -> None:
        """`many`: there are several prompts, each with a folder of its own."""
        self._writer, self._model, self._folder = writer, model, folder
        self._histograms, self._many = histograms, many
        self._drawn = True
        self._prompts: dict[int, Prompt] = {}
        self._left: Counter[int] = Counter()
        self._begun: set[tuple[int, int]] = set()
        self.run: Path | None = None
        """The call's folder, from the first prompt on."""

    def lay(self, prompts: Iterable[Prompt], drawn: bool = True) -> Iterator[Prompt]:
        """Pass prompts on; the first one names the call's folder, with its seed if words are `drawn` by one."""
        self._drawn = drawn
        for number, prompt in enumerate(prompts):
            self._prompts[number], self._left[number] = prompt, prompt.options.samples
            if self.run is None:
                seed = [f"seed-{prompt.options.seed}"] if drawn else []
                self.run = new_run(self._folder, "-".join([*_short(prompt), *seed]))
                self._writer.open(self.run, self._model, self._named(prompt))
            yield prompt

    def follow(self, events: Iterable[Step | Word | Ended]) -> Generator[Word | Ended, None, None]:
        """Write steps, and pass all else on. However it ends, the files are left whole.

        Raises MissingError if they cannot be written.
        """
        try:
            for event in events:
                if isinstance(event, Step):
                    self._tell(event)
                    continue
                if isinstance(event, Ended):
                    self._end(event)
                yield event
        except BaseException:
            self._writer.close()
            raise
        self._writer.finish()

    def _tell(self, step: Step) -> None:
        key = step.prompt, step.sample
        if key not in self._begun:
            self._begun.add(key)
            self._begin(*key)
        histograms = dict(self._distributions(step)) if self._histograms else {}
        self._writer.add(key, step.text, step.logprob, step.logits, histograms)

    def _begin(self, number: int, sample: int) -> None:
        prompt, run = self._prompts[number], self.run or self._folder
        folder = run
        if self._many:
            folder /= "-".join([f"prompt-{number}", *_short(prompt)])
        if prompt.options.samples > 1:
            folder /= f"sample-{sample}"
        text = detokenize_sentences(prompt.words) if self._drawn else ""
        group = f"{run.name} {number}"
        self._writer.begin((number, sample), folder, text, self._named(prompt), group)

    def _named(self, prompt: Prompt) -> dict[str, Any]:
        """A prompt and its options as TensorBoard's HParams has them: strings and numbers."""
        sampling = prompt.options.sampling
        drawn = {"seed": prompt.options.seed} if self._drawn else {}
        text = detokenize_sentences(prompt.words).encode("utf-8", "replace").decode()
        return {"prompt": text, **drawn, **asdict(sampling), "order": ",".join(sampling.order)}

    def _end(self, ended: Ended) -> None:
        """A continuation is complete; its prompt is forgotten with the last one."""
        key = ended.prompt, ended.sample
        self._writer.end(key)
        self._begun.remove(key)
        self._left[ended.prompt] -= 1
        if not self._left[ended.prompt]:
            del self._prompts[ended.prompt], self._left[ended.prompt]

    def _distributions(self, step: Step) -> Iterator[tuple[str, np.ndarray]]:
        """For histograms: log-probabilities, [softmax rows]; the memory, [1, cells or projection]; gates, [1, cells]."""
        yield "logprobs/model", step.logits - log_total(step.logits)
        yield "logprobs/sampled", step.allowed - log_total(step.allowed)
        before, inputs = to_read(self._model, step.state, [step.text])
        _, opened = look_inside(self._model).advance(before, self._model.vectors(inputs))
        for layer, (gates, state) in enumerate(zip(opened, step.state, strict=True)):
            cells, h = np.split(state, [gates["forget"].shape[1]], axis=1)
            for name, numbers in {**gates, "cells": cells, "h": h}.items():
                yield f"lstm_{layer}/{name}", numbers


def _short(prompt: Prompt) -> list[str]:
    """The first words of a prompt, of letters and digits, for a folder's name; none of an empty one."""
    words = re.sub(r"\W+", "-", detokenize_sentences(prompt.words).lower()).strip("-")[:NAME].strip("-")
    return [words] if words else []


def new_run(folder: Path, title: str) -> Path:
    """A folder that was not there, named from title and time. Raises MissingError where none can be made."""
    name = "-".join([title, time.strftime("%Y%m%d-%H%M%S")]).lstrip("-")
    for number in itertools.count(1):
        path = folder / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            if folder.exists() and not folder.is_dir():
                raise MissingError(f"cannot write into {folder}: it is a file") from None
        except OSError as error:
            raise MissingError(f"cannot write into {folder}: {error.strerror}") from error
    raise AssertionError  # count() never ends


def record_scored(board: Board, model: LanguageModel, options: Scoring, scored: Iterable[Scored]) -> Iterator[Scored]:
    """Pass on texts that were scored, and write each as a run with what was predicted before every token."""
    passed: deque[Scored] = deque()

    def prompts() -> Iterator[Prompt]:
        for item in scored:
            passed.append(item)
            yield Prompt(list(item.sentence.words), Generation())

    def events() -> Iterator[Step | Ended]:
        last = None
        for number, _ in enumerate(board.lay(prompts(), drawn=False)):
            item = passed[0]
            for token, state in zip(item.tokens, memories(model, item.sentence, options, last), strict=True):
                [logits] = model.logits(state)
                logprob = log_probability(logits, model.vocabulary.id(token))
                yield Step(number, 0, token, logprob, logits, logits, state)
                last = state
            yield Ended(number, 0, "sentence", 0.0)

    for _ in board.follow(events()):  # the ends
        yield passed.popleft()
