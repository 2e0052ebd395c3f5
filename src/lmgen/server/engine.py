"""One thread that reads and writes for all clients: their texts are rows of one batch, and join between steps."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lmgen.engines import Turns
from lmgen.errors import LmgenError, UsageError
from lmgen.generation import Batch, Ended, Prefixes, Word
from lmgen.model import Context, LanguageModel, Reading, State, Unread, unread_text
from lmgen.server.guard import Metrics
from lmgen.server.scores import Scorer
from lmgen.server.tasks import BusyError, Continuation, Done, Event, Prompt, Task, Vector

SLICE = 0.02
"""Seconds of a step that reading may take, and scoring: a word of each text, and a block, are done in any case."""
SIDE_BY_SIDE = 64
"""Texts that are read at once."""

Post = Callable[[list[tuple[Task, Event]]], None]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Capacity:
    """How much one engine takes."""

    rows: int = 32
    """Continuations written at once."""
    queue: int = 1024
    """Texts and continuations that may wait; where there would be more, tasks are refused."""
    prefixes: int = 64 << 20
    """Bytes of the prefix cache."""


class Engine:
    """Reads, writes and scores the texts of all tasks.

    Args:
      post: is given what was said in a step, by the engine's thread.
    """

    def __init__(self, model: LanguageModel, capacity: Capacity, metrics: Metrics, post: Post) -> None:
        self.model, self.turns, self.capacity, self.metrics, self._post = model, Turns(), capacity, metrics, post
        self._prefixes = Prefixes(capacity.prefixes)
        self._softmax_rows = model.logits(model.start()).shape[1]
        self._changed, self._arrived, self._stopped, self._gone = threading.Condition(), deque[Task](), False, False
        self._begin()
        self._thread = threading.Thread(target=self._run, name="lmgen-engine", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        self._batch, self._reading, self._scorer = Batch(self.model), Reading(self.model), Scorer(self.model)
        self._unread, self._unwritten = deque[Prompt](), deque[tuple[Task, Iterator[Continuation]]]()
        self._said: list[tuple[Task, Event]] = []

    # What other threads call ------------------------------------------------------------------

    def submit(self, tasks: list[Task]) -> None:
        """Take tasks, all or none. Raises BusyError where too much waits."""
        with self._changed:
            if self.waiting + sum(task.parts for task in tasks) > self.capacity.queue:
                raise BusyError(f"{self.waiting} texts wait already: try again later")
            self._arrived.extend(tasks)
            self._changed.notify()

    def cancel(self, task: Task) -> None:
        """Nobody waits for a task: what it has is free before the next step."""
        with self._changed:
            task.cancelled = self._gone = True
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """Texts and continuations that have no row yet."""
        parts = [task.parts for task in list(self._arrived)] + [text.task.parts for text in list(self._unread)]
        return sum(parts) + sum(task.parts for task, _ in list(self._unwritten))

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._arrived or self._busy)

    def close(self) -> None:
        """End the thread; what is not done is refused."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    # The thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._wait():
            try:
                with self.turns:
                    self._step()
            except Exception:
                logger.exception("a step failed")
                self._refuse_all(LmgenError("this request failed in the server: its log says why"))
            self._tell()
        self._refuse_all(LmgenError("the server is stopping: try again later"))
        self._tell()
        self._batch.__exit__()

    def _tell(self) -> None:
        said, self._said = self._said, []
        self._post(said)

    def _wait(self) -> bool:
        """Sleep until there is something to do; whether to continue."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._gone or not self.idle)
            return not self._stopped

    @property
    def _busy(self) -> bool:
        return bool(self._batch.live or self._reading.texts or self._scorer.waiting or self._unread or self._unwritten)

    def _step(self) -> None:
        self._forget()
        while self._arrived:
            self._admit(self._arrived.popleft())
        self._read()
        self._fill()
        self._write()
        self._tell()
        self._score()
        self.metrics.queue.set(self.waiting)
        self.metrics.rows.labels("write").set(len(self._batch.live))
        self.metrics.rows.labels("read").set(len(self._reading.texts))

    def _forget(self) -> None:
        """Free what belongs to clients that are gone."""
        if not self._gone:
            return
        self._gone = False
        self._batch.leave(lambda sample: _task_of(sample).cancelled)
        self._reading.keep([not _task_of(text).cancelled for text in self._reading.texts])
        self._scorer.waiting = deque(text for text in self._scorer.waiting if not text.task.cancelled)
        self._unread = deque(text for text in self._unread if not text.task.cancelled)
        self._unwritten = deque(pair for pair in self._unwritten if not pair[0].cancelled)

    def _admit(self, task: Task) -> None:
        if task.cancelled:
            return
        try:
            if task.options:
                self._batch.compile({task.options.constraints}, self._softmax_rows)
        except UsageError as error:
            task.cancelled = self._gone = True
            self._said.append((task, Done(error)))
            return
        if not task.parts:
            self._said.append((task, Done()))
            return
        prompt = self._prompt(task)
        if prompt.words:
            self._unread.append(prompt)
        else:
            self._have_read(prompt)

    def _prompt(self, task: Task) -> Prompt:
        """What is left to read of a task's text."""
        unread = unread_text(self.model, task.whole)
        key = tuple(unread.words)
        if task.scored is not None:
            return Prompt(task, Unread(task.whole, unread.state), key)
        count, state = self._prefixes.longest(key)
        self.metrics.cache.labels("yes" if count else "no").inc()
        self.metrics.cached.inc(count)
        return Prompt(task, unread if state is None else Unread(key[count:], state), key)

    def _fill(self) -> None:
        """Rows that are free go to tasks in turn, one each."""
        joining: list[Continuation] = []
        while self._unwritten and len(self._batch.live) + len(joining) < self.capacity.rows:
            task, samples = self._unwritten.popleft()
            if sample := next(samples, None):
                joining.append(sample)
                self._unwritten.append((task, samples))
        self._batch.add(joining)

    def _write(self) -> None:
        """A word of each continuation."""
        if not self._batch.live:
            return
        written = 0
        for sample, events in self._batch.step():
            assert isinstance(sample, Continuation)
            written += isinstance(events[0], Word)
            self._measure(sample)
            self._said += ((sample.task, event) for event in events if isinstance(event, Word | Ended))
            if isinstance(events[-1], Ended):
                self._ended(sample)
        self.metrics.written.inc(written)

    def _measure(self, sample: Continuation) -> None:
        now = time.monotonic()
        if sample.index <= 1:
            self.metrics.first.observe(now - sample.task.began)
        else:
            self.metrics.word.observe(now - sample.last)
        sample.last = now

    def _ended(self, sample: Continuation) -> None:
        if sample.error:
            sample.task.cancelled = self._gone = True
            self._said.append((sample.task, Done(sample.error)))
        else:
            self._finish_part(sample.task)

    def _finish_part(self, task: Task) -> None:
        task.parts -= 1
        if not task.parts:
            self._said.append((task, Done()))

    def _read(self) -> None:
        """Words of all texts that are read, for a slice of time at most where others wait."""
        free = SIDE_BY_SIDE - len(self._reading.texts)
        self._reading.add([self._unread.popleft() for _ in range(min(free, len(self._unread)))])
        until = time.monotonic() + SLICE
        while self._reading.texts:
            self.metrics.read.inc(len(self._reading.texts))
            for text in self._reading.step():
                assert isinstance(text, Prompt)
                self._have_read(text)
            if time.monotonic() > until:
                return

    def _have_read(self, prompt: Prompt) -> None:
        task = prompt.task
        self._keep(prompt.key, prompt.state)
        if task.vector:
            self._said.append((task, Vector(self.model.hidden(prompt.state)[0].copy())))
            self._finish_part(task)
        if task.scored is not None:
            self._scorer.add(prompt)
        if task.options:
            context = Context(task.whole, prompt.state)
            samples = (Continuation(self.model, task, sample, context) for sample in range(task.options.samples))
            self._unwritten.append((task, samples))

    def _keep(self, words: tuple[str, ...], state: State) -> None:
        self._prefixes.keep(words, state)
        self.metrics.cache_size.set(self._prefixes.size)

    def _score(self) -> None:
        """Blocks of words, for a slice of time at most."""
        until = time.monotonic() + SLICE
        while self._scorer.waiting:
            for task, scores in self._scorer.step():
                self.metrics.scored.inc(len(scores.logprobs))
                self._said.append((task, scores))
                self._finish_part(task)
            if time.monotonic() > until:
                return

    def _refuse_all(self, error: LmgenError) -> None:
        tasks = [_task_of(one) for one in (*self._batch.live, *self._reading.texts, *self._unread)]
        tasks += [one.task for one in self._scorer.waiting] + [task for task, _ in self._unwritten]
        tasks += self._arrived
        self._arrived.clear()
        self._batch.__exit__()
        self._begin()
        self._said = [(task, Done(error)) for task in dict.fromkeys(tasks)]


def _task_of(row: object) -> Task:
    assert isinstance(row, Continuation | Prompt)
    return row.task
