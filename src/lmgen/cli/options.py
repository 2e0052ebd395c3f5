"""Options that several commands share."""

from collections.abc import Callable

import click

from lmgen.engines import ENGINES
from lmgen.placement import Placement
from lmgen.sampling import ORDER, Sampling
from lmgen.store import DEFAULT_MODEL, model_folders


def _complete_model(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in model_folders() if name.startswith(incomplete)]


def all_of(options: tuple[Callable, ...]) -> Callable[[Callable], Callable]:
    """One decorator of many."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


MODEL_NAME = click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="MODEL|FOLDER",
    envvar="LMGEN_MODEL",
    shell_complete=_complete_model,
    help="A model's name, or a folder in the released layout.",
)

MODEL = all_of(
    (
        MODEL_NAME,
        click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="What computes."),
        click.option(
            "--device",
            "devices",
            multiple=True,
            metavar="NAME",
            help="Run on this device, e.g. cpu:0 or gpu:0. Several spread the layers and the softmax.",
        ),
        click.option(
            "--soft-placement/--no-soft-placement",
            help="Let the CPU stand in for a device that is absent or cannot run an operation.",
        ),
        click.option("--log-placement", is_flag=True, help="Print which operation runs on which device."),
        click.option("--allow-growth", is_flag=True, help="Take GPU memory as it is needed, not all at once."),
        click.option(
            "--threads", type=click.IntRange(0), default=0, help="Threads per operation.  [default: all cores]"
        ),
        click.option("-v", "--verbose", is_flag=True, help="Say more on stderr."),
    )
)
"""Which model, on which engine and devices."""


def placement(options: dict) -> Placement:
    """Take the placement options out of a command's keyword arguments."""
    return Placement(
        devices=options.pop("devices"),
        soft=options.pop("soft_placement"),
        allow_growth=options.pop("allow_growth"),
        threads=options.pop("threads"),
    )


def _sampler(*names: str, default, help: str) -> Callable:
    """An option of `Sampling`, which checks the range."""
    kind = float if isinstance(default, float) else int
    return click.option(*names, type=kind, default=default, show_default=True, metavar="X", help=help)


SAMPLING = all_of(
    (
        _sampler(
            *("-t", "--temperature", "--temp"),
            default=Sampling.temperature,
            help="Below 1 more likely words, above 1 more surprising ones; 0 takes the likeliest.",
        ),
        _sampler("-k", "--top-k", default=Sampling.top_k, help="Only the X likeliest words; 0 for all."),
        _sampler(
            *("-p", "--top-p"),
            default=Sampling.top_p,
            help="Only the likeliest words that together reach this probability.",
        ),
        _sampler("--min-p", default=Sampling.min_p, help="Only words X times as likely as the likeliest, or more."),
        _sampler(
            *("--typical", "--typical-p"),
            default=Sampling.typical,
            help="Only the words nearest the entropy that together reach this probability.",
        ),
        _sampler(
            *("--top-n-sigma", "--top-nsigma"),
            default=Sampling.top_n_sigma,
            help="Only logits within X standard deviations of the highest; 0 for all.",
        ),
        _sampler("--mirostat", default=Sampling.mirostat, help="2 holds the surprisal near --mirostat-tau."),
        _sampler(
            *("--mirostat-tau", "--mirostat-ent"),
            default=Sampling.mirostat_tau,
            help="Surprisal to hold, in bits.",
        ),
        _sampler(
            *("--mirostat-eta", "--mirostat-lr"),
            default=Sampling.mirostat_eta,
            help="How fast it is corrected.",
        ),
        _sampler(
            *("--repetition-penalty", "--repeat-penalty"),
            default=Sampling.repetition_penalty,
            help="Divide the logits of recent words; 1 for no penalty.",
        ),
        _sampler("--presence-penalty", default=Sampling.presence_penalty, help="Subtract from logits of recent words."),
        _sampler("--frequency-penalty", default=Sampling.frequency_penalty, help="Likewise, for every time they came."),
        _sampler("--repeat-last-n", default=Sampling.repeat_last_n, help="How many words are recent; 0 for all."),
        _sampler(
            *("--no-repeat-ngram", "--no-repeat-ngram-size"),
            default=Sampling.no_repeat_ngram,
            help="No sequence of X words comes twice; 0 for any.",
        ),
        click.option(
            "--samplers",
            "order",
            default=",".join(ORDER),
            show_default=True,
            callback=lambda _context, _parameter, text: tuple(filter(None, text.split(","))),
            metavar="A,B,…",
            help="Which samplers work, in which order.",
        ),
    )
)
"""How words are chosen: the fields of `Sampling`."""

CONSTRAINTS = all_of(
    (
        click.option(
            "--ban", multiple=True, metavar="PATTERN", help="Never write a word: WORD, @FILE of words, or /regex/."
        ),
        click.option("--allow", multiple=True, metavar="PATTERN", help="Write only these words: likewise."),
        click.option("--bias", multiple=True, metavar="WORD=X", help="Add X nats to a word's logit."),
        click.option("--starts-with", default="", metavar="LETTERS", help="The first word begins so."),
        click.option("--min-words", type=int, default=0, metavar="N", help="No sentence ends before so many words."),
        click.option("--ignore-eos", "ignore_end", is_flag=True, help="No sentence ends at all."),
    )
)
"""What may be written: the fields of `Constraints`."""
