"""`lmgen complete`: continue a prefix."""

import contextlib
import os
import stat
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.board_options import BOARD, BoardChoice, open_board, tell_board
from lmgen.cli.console import painter
from lmgen.cli.generation_options import CONSTRAINTS, LENGTH, SAMPLING, chosen
from lmgen.cli.input_options import INPUT, check_no_file, for_rows, tell_faults, tell_names
from lmgen.cli.model_options import ModelChoice, model_options
from lmgen.cli.options import COLOUR, OUTPUT, SPLITTING, Destination, Splitting, group, report
from lmgen.errors import UsageError
from lmgen.generation import (
    FORMATS,
    RECORD,
    ROWS,
    Arriving,
    Ended,
    Generation,
    Hypothesis,
    Prompt,
    RecordWriter,
    SampleQueue,
    Statistics,
    Style,
    TextWriter,
    Word,
    changed,
    defaults,
    generate_all,
    hypothesis_events,
    read_prompts,
    search,
    write_samples,
)
from lmgen.model import LanguageModel, read
from lmgen.text import SENTENCE_END, InputFormat, kind_of, open_rows, visible

if TYPE_CHECKING:
    from lmgen.board import Board


@dataclass(frozen=True, kw_only=True)
class _Options:
    prefix: str | None
    file: Path | None
    form: InputFormat
    changes: dict[str, Any]
    """What was asked for of a `Generation`."""
    width: int | None
    length_penalty: float
    splitting: Splitting
    to: Destination
    style: Style
    alternatives: int
    logprobs: int | None
    audit: bool
    stats: bool
    board: BoardChoice
    rows: int
    model: ModelChoice

    def __post_init__(self) -> None:
        if not self.file:
            check_no_file(self.form)
        if self.prefix and self.file:
            raise UsageError("give a PREFIX or a --file, not both")
        folder = self.board.given
        if self.prefix is None and not self.file and " " in (folder or ""):
            raise UsageError(f"--board took {folder!r} for its folder: write --board last, or --board=FOLDER")
        if self.width and folder is not None:
            raise UsageError("--board shows how words are drawn; --beam draws none: give one of them")
        if self.width:
            self._check_beam()

    def _check_beam(self) -> None:
        """Raise UsageError that names the option which means nothing where the best texts are searched, not drawn."""
        own = {name: getattr(self, name) for name in ("audit", "stats", "alternatives", "logprobs")}
        asked = {name: self.changes[name] for name in ("bias", "stop")} | own
        ignored = [name for name, value in asked.items() if value]
        ignored += ["sentences"] if self.changes["sentences"] != 1 else []
        if ignored:
            raise UsageError(f"--beam searches whole texts and does not know --{ignored[0]}: leave one of them out")

    def generation(self, files: ModelFiles) -> Generation:
        """What to write; what was not asked for is the model's."""
        shown = {"alternatives": max(self.alternatives, self.logprobs or 0), "measure": self.stats, "audit": self.audit}
        return changed(defaults(files), self.changes | shown)

    def prompts(self, wanted: Generation) -> Iterable[Prompt]:
        """The prefix, or the prompts of the file; what of theirs will be written in rows has one name in all of them."""
        split = self.splitting.words
        if not self.file:
            text = _text(self.prefix)
            return [Prompt(split(text), wanted, text=text)]
        form = for_rows(self.form, [self.file], self.to.kind, RECORD)
        prompts = tell_faults(read_prompts(self.file, wanted, split, form), form.faults)
        return prompts if self.to.kind == "text" else tell_names(prompts, RECORD)


def _destination(kind: str | None, output: str) -> Destination:
    """In the format asked for, or the one that the file's suffix names, or as text."""
    suffix = kind_of(Path(output))
    if suffix == "parquet" and kind in (None, "jsonl"):
        return Destination("jsonl", output)
    return Destination(kind or (suffix if suffix in FORMATS else "text"), output)


def _style(echo: bool, raw: bool, stream: bool, color_by: str | None) -> Style:
    return Style(echo, raw, stream, by_surprisal=color_by == "surprisal")


@click.command()
@click.argument("prefix", required=False)
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    help="Continue every prefix of a file: one a line, or .jsonl, .csv, .tsv with a column `prefix`.",
)
@INPUT
@group(
    "changes",
    chosen,
    click.option(
        *("-n", "--samples", "--num-samples"),
        type=int,
        default=1,
        show_default=True,
        help="Continuations of each prefix.",
    ),
    LENGTH,
    SAMPLING,
    CONSTRAINTS,
)
@click.option("--beam", "width", type=click.IntRange(1), help="Print the N most likely continuations; draw nothing.")
@click.option("--length-penalty", type=click.FloatRange(0), default=0.0, help="Rank beams by logprob / length ** X.")
@SPLITTING
@group(
    "to",
    _destination,
    click.option(
        "--format", "kind", type=click.Choice(FORMATS), help="Output format.  [default: by the suffix of -o, else text]"
    ),
    OUTPUT,
)
@group(
    "style",
    _style,
    click.option("--echo/--no-echo", default=True, help="Print the prefix before its continuation."),
    click.option("--raw", is_flag=True, help="Print words as the model has them, with spaces between."),
    click.option("--stream/--no-stream", default=True, help="Print words as they are drawn."),
    COLOUR,
)
@click.option("--alternatives", type=int, default=0, metavar="N", help="Show what else each word might have been.")
@click.option(
    "--logprobs",
    type=click.IntRange(0),
    metavar="N",
    help="In JSON, each word's logprob and its N most likely alternatives.",
)
@click.option("--audit", is_flag=True, help="Print each draw and the interval it hit, on stderr.")
@click.option("--stats", is_flag=True, help="Print speed, seed, entropy and masked share, on stderr.")
@BOARD
@click.option(
    "--rows", type=click.IntRange(1), default=ROWS, show_default=True, help="Number of continuations generated at once."
)
@model_options("fast")
def complete(**options) -> None:
    """Continue PREFIX, word by word, until the sentence ends.

    Without PREFIX a sentence is begun; a pipe, or `-`, gives the prefix on stdin. Constraints come first,
    then the samplers in the order of --samplers.

    \b
    Examples:
      lmgen complete "I love that I"
      lmgen complete -n 5 -t 0.7 --seed 1 "The president said"
      lmgen complete -f prefixes.csv --format jsonl -o samples.jsonl
      lmgen complete "It was" --ban /[A-Z]/ --min-words 5
      lmgen complete "The old man" --board
    """
    asked = _Options(**options)
    files = asked.model.find()
    wanted = asked.generation(files)
    prompts = asked.prompts(wanted)
    with asked.board.writer(files) as writer:
        model = asked.model.open(files, converts=True)
        if asked.model.engine.verbose:
            _tell_chosen(wanted)
            prompts = _tell_unknown(model, prompts)
        board = asked.board.open(writer, model, many=asked.file is not None)
        with open_rows(asked.to.output) as out:
            if asked.width:
                _write_beams(model, prompts, asked, out)
            else:
                _write_samples(model, prompts, asked, out, board)
    open_board(asked.board)


def _text(prefix: str | None) -> str:
    """The prefix as given, or all of stdin for `-` or where something is piped in."""
    if prefix is None and not _piped():
        return ""
    if prefix not in (None, "-"):
        return prefix
    given = sys.stdin.buffer.read()
    if b"\0" in given:
        raise UsageError(f"the prefix on stdin is not text: byte {given.index(0) + 1} is NUL")
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the prefix on stdin is not UTF-8 text: see byte {error.start + 1}") from error


def _piped() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:  # stdin is closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)  # Node.js pipes by sockets


def _tell_chosen(wanted: Generation) -> None:
    """Say what decides the words where the user said nothing."""
    sampling = wanted.sampling
    for name, value in (("seed", wanted.seed), ("temperature", sampling.temperature), ("top-p", sampling.top_p)):
        click.echo(f"{name}: {value}", err=True)


def _tell_unknown(model: LanguageModel, prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    for prompt in prompts:
        unknown = [word for word in prompt.words if word not in model.vocabulary]
        if unknown:
            click.echo(f"not in the vocabulary, read by their spelling: {visible(' '.join(unknown))}", err=True)
        yield prompt


def _write_samples(
    model: LanguageModel, prompts: Iterable[Prompt], asked: _Options, out: IO[str], board: "Board | None"
) -> None:
    queue, statistics = SampleQueue(), Statistics(time.monotonic())
    arriving = Arriving(prompts) if asked.file == Path("-") else None
    laid = queue.lay(board.lay(arriving or prompts) if board else arriving or prompts)
    events = generate_all(model, laid, asked.rows, board is not None, arriving.ready if arriving else lambda: True)
    words = board.follow(events) if board else cast("Generator[Word | Ended, None, None]", events)  # without steps
    with contextlib.closing(words):
        shown = statistics.count(words) if asked.stats else words
        shown = _audit(shown) if asked.audit else shown
        try:
            _write(shown, queue, asked, out)
        finally:
            if asked.stats:
                report([("seed", asked.changes["seed"]), *statistics.rows()])
            tell_board(board)


def _audit(events: Iterable[Word | Ended]) -> Iterator[Word | Ended]:
    """Pass events on and report each draw."""
    report([("prompt", "sample", "index", "word", "draw", "low", "high")])
    for event in events:
        if event.interval:
            word = event.text if isinstance(event, Word) else SENTENCE_END
            report([(event.prompt, event.sample, event.index, word, *(f"{value:.9f}" for value in event.interval))])
        yield event


def _write_beams(model: LanguageModel, prompts: Iterable[Prompt], asked: _Options, out: IO[str]) -> None:
    """The most likely continuations of each prompt, each as a sample that was written at once."""
    queue = SampleQueue()
    found: list[Hypothesis] = []
    width = asked.width or 1

    def searched() -> Iterator[Prompt]:
        for prompt in prompts:
            context = read(model, prompt.words)
            found[:] = search(model, context, width, prompt.options, asked.length_penalty)
            yield replace(prompt, options=changed(prompt.options, {"samples": len(found)}))

    def events() -> Iterator[Word | Ended]:
        for number, _ in enumerate(queue.lay(searched())):
            for sample, hypothesis in enumerate(found):
                yield from hypothesis_events(hypothesis, number, sample)

    _write(events(), queue, asked, out)


def _write(events: Iterable[Word | Ended], queue: SampleQueue, asked: _Options, out: IO[str]) -> None:
    if asked.to.kind != "text":
        write_samples(events, queue, RecordWriter(out, asked.to.kind, asked.logprobs is not None))
        return
    paint = painter(out) if asked.to.output == "-" else None
    style = replace(asked.style, alternatives=asked.alternatives > 0, paint=paint)
    write_samples(events, queue, TextWriter(out, style))
