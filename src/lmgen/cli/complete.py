"""`lmgen complete`: write on from a prefix."""

import contextlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.console import painter
from lmgen.cli.input_options import INPUT, check_no_file, for_rows, input_format, tell_names
from lmgen.cli.options import (
    BOARD,
    COLOUR,
    CONSTRAINTS,
    LENGTH,
    MODEL,
    OUTPUT,
    SAMPLING,
    SPLITTING,
    board_writer,
    generation,
    open_board,
    open_model,
    precision,
    splitter,
    tell,
    tell_board,
)
from lmgen.errors import UsageError
from lmgen.generation import (
    FORMATS,
    RECORD,
    ROWS,
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
    generate_all,
    hypothesis_events,
    read_prompts,
    search,
    write_samples,
)
from lmgen.model import LanguageModel, read
from lmgen.store import find
from lmgen.text import SENTENCE_END, kind_of, open_output

if TYPE_CHECKING:
    from lmgen.board import Board


@click.command(short_help="Write on from a prefix, word by word.")
@click.argument("prefix", required=False)
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    help="Go on from every prefix of a file: one a line, or .jsonl, .csv, .tsv with a column `prefix`.",
)
@INPUT
@click.option("-n", "--samples", "--num-samples", type=int, default=1, show_default=True, help="Continuations of each.")
@LENGTH
@SAMPLING
@CONSTRAINTS
@click.option("--beam", "width", type=click.IntRange(1), help="Print the N likeliest continuations; draw nothing.")
@click.option("--length-penalty", type=click.FloatRange(0), default=0.0, help="Rank beams by logprob / length ** X.")
@SPLITTING
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="Of the output.  [default: by the suffix of -o, else text]"
)
@OUTPUT
@click.option("--echo/--no-echo", default=True, help="Print the prefix before its continuation.")
@click.option("--raw", is_flag=True, help="Print words as the model has them, with spaces between.")
@click.option("--stream/--no-stream", default=True, help="Print words as they come.")
@COLOUR
@click.option("--alternatives", type=int, default=0, metavar="N", help="Show what else each word might have been.")
@click.option(
    "--logprobs",
    type=click.IntRange(0),
    metavar="N",
    help="In JSON, each word's logprob and its N likeliest alternatives.",
)
@click.option("--audit", is_flag=True, help="Print each draw and the interval it hit, on stderr.")
@click.option("--stats", is_flag=True, help="Print speed, seed, entropy and masked share, on stderr.")
@BOARD
@click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True, help="Continuations written at once.")
@precision("fast")
@MODEL
def complete(prefix: str | None, **options) -> None:
    """Write on from PREFIX, word by word, until the sentence ends.

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
    options["seed"] = secrets.randbits(32) if options["seed"] is None else options["seed"]
    options["kind"] = options["kind"] or _format_of(options["output"])
    file = options["file"]
    if not file:
        check_no_file(input_format(options))
    if prefix and file:
        raise UsageError("give a PREFIX or a --file, not both")
    if prefix is None and not file and " " in (options["board"] or ""):
        raise UsageError(f"--board took {options['board']!r} for its folder: write --board last, or --board=FOLDER")
    if options["width"] and options["board"] is not None:
        raise UsageError("--board shows how words are drawn; --beam draws none: give one of them")
    if options["width"]:
        _check_beam(options)
    files = find(options["model"])
    wanted = _generation(files, options)
    prompts = _prompts(file, wanted, options) if file else [Prompt(splitter(options)(_text(prefix)), wanted)]
    with board_writer(files, options) as writer:
        model = open_model(files, options, converts=True)
        if options["verbose"]:
            _tell_chosen(wanted)
            prompts = _tell_unknown(model, prompts)
        board = open_board(writer, model, options, many=file is not None)
        with open_output(options["output"]) as out:
            if options["width"]:
                _write_beams(model, prompts, options, out)
            else:
                _write_samples(model, prompts, options, out, board)


def _format_of(output: str) -> str:
    kind = kind_of(Path(output))
    return kind if kind in FORMATS else "text"


def _check_beam(options: dict) -> None:
    """Raise UsageError that names the option which means nothing where the best texts are searched, not drawn."""
    ignored = [name for name in ("bias", "stop", "audit", "stats", "alternatives", "logprobs") if options[name]]
    ignored += ["sentences"] if options["sentences"] != 1 else []
    if ignored:
        raise UsageError(f"--beam searches whole texts and does not know --{ignored[0]}: leave one of them out")


def _generation(files: ModelFiles, options: dict) -> Generation:
    """What to write, from the command's options."""
    alternatives = max(options["alternatives"], options["logprobs"] or 0)
    return generation(files, {**options, "alternatives": alternatives, "measure": options["stats"]})


def _prompts(file: Path, wanted: Generation, options: dict) -> Iterator[Prompt]:
    """The prompts of a file; what of theirs will be written in rows has one name in all of them."""
    form = for_rows(input_format(options), file, options["kind"], RECORD)
    prompts = read_prompts(file, wanted, splitter(options), form)
    return prompts if options["kind"] == "text" else tell_names(prompts, RECORD)


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
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _tell_chosen(wanted: Generation) -> None:
    """Say what decides the words where the user said nothing."""
    sampling = wanted.sampling
    for name, value in (("seed", wanted.seed), ("temperature", sampling.temperature), ("top-p", sampling.top_p)):
        click.echo(f"{name}: {value}", err=True)


def _tell_unknown(model: LanguageModel, prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    for prompt in prompts:
        unknown = [word for word in prompt.words if word not in model.vocabulary]
        if unknown:
            click.echo(f"read by their letters, not in the vocabulary: {' '.join(unknown)}", err=True)
        yield prompt


def _write_samples(
    model: LanguageModel, prompts: Iterable[Prompt], options: dict, out: IO[str], board: "Board | None"
) -> None:
    queue, statistics = SampleQueue(), Statistics(time.monotonic())
    laid = queue.lay(board.lay(prompts) if board else prompts)
    events = generate_all(model, laid, options["rows"], steps=board is not None)
    words = board.follow(events) if board else cast("Generator[Word | Ended, None, None]", events)  # without steps
    with contextlib.closing(words):
        shown = statistics.count(words) if options["stats"] else words
        shown = _audit(shown) if options["audit"] else shown
        try:
            _write(shown, queue, options, out)
        finally:
            if options["stats"]:
                tell([("seed", options["seed"]), *statistics.rows()])
            tell_board(board)


def _audit(events: Iterable[Word | Ended]) -> Iterator[Word | Ended]:
    """Pass events on and tell each draw."""
    tell([("prompt", "sample", "index", "word", "draw", "low", "high")])
    for event in events:
        if event.interval:
            word = event.text if isinstance(event, Word) else SENTENCE_END
            tell([(event.prompt, event.sample, event.index, word, *(f"{value:.9f}" for value in event.interval))])
        yield event


def _write_beams(model: LanguageModel, prompts: Iterable[Prompt], options: dict, out: IO[str]) -> None:
    """The likeliest continuations of each prompt, each as a sample that was written at once."""
    queue = SampleQueue()
    found: list[Hypothesis] = []

    def searched() -> Iterator[Prompt]:
        for prompt in prompts:
            context = read(model, prompt.words)
            found[:] = search(model, context, options["width"], prompt.options, options["length_penalty"])
            yield Prompt(prompt.words, changed(prompt.options, {"samples": len(found)}), prompt.extra)

    def events() -> Iterator[Word | Ended]:
        for number, _ in enumerate(queue.lay(searched())):
            for sample, hypothesis in enumerate(found):
                yield from hypothesis_events(hypothesis, number, sample)

    _write(events(), queue, options, out)


def _write(events: Iterable[Word | Ended], queue: SampleQueue, options: dict, out: IO[str]) -> None:
    if options["kind"] != "text":
        write_samples(events, queue, RecordWriter(out, options["kind"], options["logprobs"] is not None))
        return
    style = Style(
        echo=options["echo"],
        raw=options["raw"],
        stream=options["stream"],
        by_surprisal=options["color_by"] == "surprisal",
        alternatives=options["alternatives"] > 0,
        paint=painter(out) if options["output"] == "-" else None,
    )
    write_samples(events, queue, TextWriter(out, style))
