"""Writing together: a text and its branches, written on, looked at, and taken back."""

import math
import re
import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from lmgen.errors import UsageError
from lmgen.generation import (
    Ended,
    Generation,
    Limits,
    Prompt,
    SampleQueue,
    Step,
    Style,
    TextWriter,
    Word,
    changed,
    defaults,
    flat,
    generate_from,
    given,
    write_samples,
)
from lmgen.model import LanguageModel
from lmgen.repl import saved
from lmgen.repl.draft import Continuation, Draft, Events, Timeline, begin, extend, logprobs, predicted, reread
from lmgen.repl.settings import Settings
from lmgen.softmax import entropy, log_probability, log_total, most_likely, probabilities
from lmgen.store import board_folder
from lmgen.text import UNKNOWN, Vocabulary, open_output

if TYPE_CHECKING:
    from lmgen.board import Writer

MAIN = "main"
BRANCH = re.compile(r"[\w.-]+")
TAIL = 300
"""Characters of a text that are shown after a change."""
BAR = 30
"""Length of the longest bar, in characters."""
MOST_BITS = 20
"""Surprisal of a word whose bar is the longest."""
ALTERNATIVES = 5
"""Of each word in the list of /alt."""
EIGHTHS = " ▏▎▍▌▋▊▉"


class Repl:
    """A text, its branches, and what can be done with them; `commands.py` says how that is typed."""

    def __init__(self, load: Callable[[str], LanguageModel], model: str, settings: Settings, out: IO[str]) -> None:
        self._load, self._settings, self._out = load, settings, out
        self._name, self._model = model, load(model)
        self._turns = 0
        self._offers: list[tuple[int, str]] = []
        self._branches = {MAIN: Timeline(begin(self._model))}
        self.branch = MAIN
        self.given: dict[str, Any] = {}
        """Options that the user chose; all others are the model's own."""
        self.style = Style()
        self.board: Path | None = None
        """Where softmaxes are written for TensorBoard; see `record_into`."""
        self.board_histograms = False
        self._writer: Writer | None = None
        self.split: Callable[[str], list[str]] = str.split

    @property
    def draft(self) -> Draft:
        """The text as it is."""
        return self._branches[self.branch].present

    @property
    def options(self) -> Generation:
        """How the model writes."""
        return self._with(self.given)

    def _with(self, chosen: dict[str, Any]) -> Generation:
        return changed(defaults(self._model.files), chosen)

    @property
    def branches(self) -> list[str]:
        """Their names."""
        return list(self._branches)

    @property
    def setting_names(self) -> list[str]:
        """What /set knows."""
        return self._settings.names

    @property
    def vocabulary(self) -> Vocabulary:
        """Of the model in use."""
        return self._model.vocabulary

    # Writing ----------------------------------------------------------------------------------

    def go_on(self, line: str = "") -> None:
        """Read a text, if there is one, and continue it."""
        words = self.split(line)
        if words:
            self._change(extend(self._model, self.draft, words))
        self._write(self.draft, words)

    def _write(self, draft: Draft, typed: Sequence[str] = ()) -> None:
        """Continue a draft, after an echo of what was typed. An interruption keeps what was written."""
        turn = Continuation.begun(self._model, draft, self._generate, self.options.sentences)
        try:
            queue = SampleQueue()
            for _ in queue.lay([Prompt(list(typed), self.options)]):
                with closing(self._recorded(turn)) as shown:
                    write_samples(shown, queue, TextWriter(self._out, self.style))
        finally:
            if (new := turn.draft).written:
                self._change(new)

    def _generate(self, draft: Draft) -> Events:
        options = replace(self.options, seed=self.options.seed + self._turns)
        self._turns += 1
        return generate_from(self._model, draft.context, options, steps=True, all_logits=self.board is not None)

    def _recorded(self, turn: Continuation) -> Generator[Word | Ended, None, None]:
        """Words and ends alone; steps are written for TensorBoard if they are to be."""
        if self.board is None or self._writer is None:
            return (event for event in turn if not isinstance(event, Step))
        from lmgen.board import Board

        board = Board(self._writer, self._model, self.board, self.board_histograms)
        list(board.lay([Prompt(list(turn.base.words[1:]), self.options)]))
        return board.follow(turn)

    def _change(self, draft: Draft) -> None:
        self._go(self._branches[self.branch].to(draft))

    def _go(self, timeline: Timeline) -> None:
        self._branches[self.branch] = timeline
        self._offers = []

    def regen(self) -> None:
        """Draw the last words again; /undo restores the others."""
        draft = self.draft
        if not draft.written:
            raise UsageError("the model wrote nothing last: press Enter to continue, or type /undo")
        self._write(draft.cut(len(draft.words) - draft.written))

    def undo(self) -> None:
        """Take the last change of the text back."""
        self._travel(Timeline.undo, "there is nothing to undo")

    def redo(self) -> None:
        """Take the last /undo back."""
        self._travel(Timeline.redo, "there is nothing to redo")

    def _travel(self, travel: Callable[[Timeline], Timeline], refusal: str) -> None:
        try:
            self._go(travel(self._branches[self.branch]))
        except IndexError as error:
            raise UsageError(refusal) from error
        self._say_text()

    def new(self) -> None:
        """Begin a new text; /undo restores this one."""
        self._change(begin(self._model))

    # Looking and choosing ---------------------------------------------------------------------

    def next(self, count: str = "10") -> None:
        """Show the most likely next words, numbered for /pick."""
        length = len(self.draft.words)
        [logits] = predicted(self._model, self.draft, [length])
        found = self._most_likely(logits, _number(count))
        self._offers = [(length, word) for word, _ in found]
        for number, (word, share) in enumerate(found, 1):
            self.say(f"{number:>4}  {word:<16} {share:>6.1%}  {_bar(share / found[0][1])}")
        shares = probabilities(logits)
        unknown = shares[self.vocabulary.id(UNKNOWN)]
        self.say(f"      entropy {entropy(shares):.2f} bits, {UNKNOWN} {unknown:.1%}")

    def alt(self, count: str = "3") -> None:
        """Show what else the last words might have been, numbered for /pick."""
        draft = self.draft
        first = max(1, len(draft.words) - _number(count))
        if first == len(draft.words):
            raise UsageError("there is no word yet: type a text, or press Enter")
        self._offers = []
        for place in range(first, len(draft.words)):
            [logits] = predicted(self._model, draft, [place])
            own = math.exp(log_probability(logits, self.vocabulary.id(draft.words[place])))
            cells = []
            for word, share in self._most_likely(logits, ALTERNATIVES):
                self._offers.append((place, word))
                cells.append(f"{len(self._offers):>3} {word} {share:.1%}")
            self.say(f"  {draft.words[place]:<16} {own:>6.1%} {'  '.join(cells)}")

    def pick(self, number: str) -> None:
        """Take a word of the last list of /next or /alt; what followed its place goes."""
        if not self._offers:
            raise UsageError("nothing is listed: type /next or /alt first")
        wanted = _number(number)
        if wanted > len(self._offers):
            raise UsageError(f"the last list has the numbers 1 to {len(self._offers)}, not {wanted}")
        length, word = self._offers[wanted - 1]
        self._change(extend(self._model, self.draft.cut(length), [word]))
        self._say_text()

    def surprisal(self) -> None:
        """Show how surprising each word is, in bits."""
        words, bits = self.draft.words[1:], -logprobs(self._model, self.draft) / math.log(2)
        for word, value in zip(words, bits, strict=True):
            known = "" if word in self.vocabulary else f"  (as {UNKNOWN})"
            self.say(f"  {word:<16} {value:>6.2f}  {_bar(min(1, value / MOST_BITS))}{known}")
        if words:
            self.say(f"  {len(words)} words, {bits.mean():.2f} bits each: perplexity {2 ** bits.mean():.1f}")

    def text(self) -> None:
        """Print the whole text."""
        self.say(self.draft.text)

    def _most_likely(self, logits: np.ndarray, count: int) -> list[tuple[str, float]]:
        """Words that constraints let come next, with their probabilities in the model's own distribution."""
        limits = Limits(self.options.constraints, self.vocabulary, len(logits))
        allowed = np.flatnonzero(np.isfinite(limits.shift(0)))
        places = allowed[most_likely(logits[allowed], count)]
        shares = np.exp(logits[places] - log_total(logits)).tolist()
        return [(self.vocabulary.word(place), share) for place, share in zip(places.tolist(), shares, strict=True)]

    # Branches, files, settings ----------------------------------------------------------------

    def fork(self, name: str) -> None:
        """Branch the text under a new name, or go to a branch there is."""
        if not BRANCH.fullmatch(name):
            raise UsageError(f"a branch is named with letters, digits, - and _, not {name!r}")
        self._branches.setdefault(name, self._branches[self.branch])
        self.branch, self._offers = name, []
        self._say_text()

    def forks(self) -> None:
        """List the branches; * is the current one."""
        width = max(map(len, self._branches))
        for name, timeline in self._branches.items():
            self.say(f"{'*' if name == self.branch else ' '} {name:<{width}}  {_tail(timeline.present.text, 60)}")

    def write(self, file: str, over: str = "") -> None:
        """Write the text to a new file; `over` replaces one that is there."""
        path = Path(file).expanduser()
        if over not in ("", "over"):
            raise UsageError(f"what is {over!r}? /write {file} over replaces the file")
        if path.is_file() and not over:
            raise UsageError(f"{path} stays as it is: /write {file} over replaces it")
        with open_output(str(path)) as out:
            out.write(f"{self.draft.text}\n")

    def save(self, file: str) -> None:
        """Write text, branches, memory and settings to a file."""
        drafts = {name: timeline.present for name, timeline in self._branches.items()}
        saved.save(saved.Session(self._name, self.branch, drafts, self.options), Path(file).expanduser())

    def load(self, file: str) -> None:
        """Continue what /save wrote."""
        session = saved.load(Path(file).expanduser(), self._model)
        self._branches = {name: Timeline(draft) for name, draft in session.branches.items()}
        self.branch, self.given, self._offers = session.branch, flat(session.options), []
        self._say_text()

    def model(self, name: str) -> None:
        """Read the text with another model, and continue with that."""
        model = self._load(name)
        branches = {branch: Timeline(reread(model, line.present)) for branch, line in self._branches.items()}
        self._name, self._model, self._branches, self._offers = name, model, branches, []

    def set(self, name: str, *values: str) -> None:
        """Set an option of the command line; without a value, to its default."""
        changes = self._settings.parse(name, values)
        if changes.get("seed", 0) is None:
            changes["seed"] = secrets.randbits(32)
        chosen = given({**self.given, **changes})
        self._with(chosen)  # refuses what cannot be
        self.given = chosen
        if "seed" in changes:
            self._turns = 0
        if "color_by" in changes:
            self.style = replace(self.style, by_surprisal=changes["color_by"] == "surprisal")

    def show(self) -> None:
        """Show the model and all options; * is changed."""
        colour = "surprisal" if self.style.by_surprisal else None
        rows = self._settings.rows({**flat(self.options), "color_by": colour}, flat(self._with({})))
        for name, value, is_changed in [("model", self._name, False), *rows]:
            self.say(f"{'*' if is_changed else ' '} {name:<20} {value}".rstrip())

    def record(self, folder: str = "") -> None:
        """Write each softmax from now on for TensorBoard, into DIR or where serve-board looks; `off` ends it."""
        if folder == "off":
            self.board = None
        else:
            self.record_into(Path(folder).expanduser() if folder else board_folder())

    def record_into(self, folder: Path) -> None:
        """Write each softmax from now on into a folder, by a process that runs until `close`."""
        from lmgen.board import Writer

        self.board, self._writer = folder, self._writer or Writer()
        self._writer.start(self._model.files.graph)

    def close(self) -> None:
        """End what works beside."""
        if self._writer:
            self._writer.close()

    def say(self, text: str) -> None:
        """Print a line."""
        self._out.write(f"{text}\n")
        self._out.flush()

    def _say_text(self) -> None:
        self.say(_tail(self.draft.text, TAIL) or "(no text)")


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    raise UsageError(f"a number from 1 on is needed, not {text!r}")


def _tail(text: str, length: int) -> str:
    return text if len(text) <= length else f"… {text[-length:]}"


def _bar(share: float) -> str:
    """A bar for a share of the longest one."""
    whole, rest = divmod(round(share * BAR * 8), 8)
    return ("█" * whole + EIGHTHS[rest]).rstrip()
