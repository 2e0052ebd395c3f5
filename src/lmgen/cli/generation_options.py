"""Options of what is written: its length, how words are chosen, what may be written."""

import secrets
from collections.abc import Callable
from typing import Any

import click

from lmgen.cli.options import all_of
from lmgen.generation import ORDER, Sampling, given

LENGTH = all_of(
    (
        click.option(
            *("--max-words", "--max-tokens"),
            type=int,
            default=100,
            show_default=True,
            help="Maximum number of words of a continuation.",
        ),
        click.option("--sentences", type=int, default=1, show_default=True, help="Number of sentences to generate."),
        click.option("--stop", multiple=True, metavar="TEXT", help="End with the word in which this text is complete."),
        click.option(
            "--seed",
            type=int,
            help="Seed of the random numbers: the same seed gives the same words.  [default: a new one]",
        ),
    )
)
"""Where a continuation ends, and the seed: fields of `Generation`."""


def _sampler(*names: str, default, help: str, of_model: bool = False) -> Callable:
    """An option of `Sampling`, which checks the range; `of_model`: unless it is given, the model's own value holds."""
    kind = float if isinstance(default, float) else int
    shown: bool | str = "the model's" if of_model else True
    return click.option(
        *names, type=kind, default=None if of_model else default, show_default=shown, metavar="X", help=help
    )


SAMPLING = all_of(
    (
        _sampler(
            *("-t", "--temperature", "--temp"),
            default=Sampling.temperature,
            of_model=True,
            help="Below 1 more likely words, above 1 more surprising ones; 0 takes the most likely.",
        ),
        _sampler("-k", "--top-k", default=Sampling.top_k, help="Only the X most likely words; 0 for all."),
        _sampler(
            *("-p", "--top-p"),
            default=Sampling.top_p,
            of_model=True,
            help="Only the most likely words that together reach this probability.",
        ),
        _sampler(
            "--min-p", default=Sampling.min_p, help="Only words at least X times as likely as the most likely word."
        ),
        _sampler(
            *("--typical", "--typical-p"),
            default=Sampling.typical,
            help="Only the words whose surprisal is nearest the entropy and that together reach this probability.",
        ),
        _sampler(
            *("--top-n-sigma", "--top-nsigma"),
            default=Sampling.top_n_sigma,
            help="Only logits within X standard deviations of the highest; 0 for all.",
        ),
        _sampler(
            "--mirostat",
            default=Sampling.mirostat,
            help="Version of mirostat: 2 holds the surprisal near --mirostat-tau; 0 for none.",
        ),
        _sampler(
            *("--mirostat-tau", "--mirostat-ent"),
            default=Sampling.mirostat_tau,
            help="Surprisal that --mirostat holds, in bits.",
        ),
        _sampler(
            *("--mirostat-eta", "--mirostat-lr"),
            default=Sampling.mirostat_eta,
            help="How fast --mirostat corrects the surprisal.",
        ),
        _sampler(
            *("--repetition-penalty", "--repeat-penalty"),
            default=Sampling.repetition_penalty,
            help="Divide the logits of recent words; 1 for no penalty.",
        ),
        _sampler("--presence-penalty", default=Sampling.presence_penalty, help="Subtract from logits of recent words."),
        _sampler(
            "--frequency-penalty",
            default=Sampling.frequency_penalty,
            help="Subtract from logits of recent words, for every time that they came.",
        ),
        _sampler(
            "--repeat-last-n",
            default=Sampling.repeat_last_n,
            help="Number of recent words that penalties look at; 0 for all.",
        ),
        _sampler(
            *("--no-repeat-ngram", "--no-repeat-ngram-size"),
            default=Sampling.no_repeat_ngram,
            help="Forbid that X words in a row occur twice; 0 for none.",
        ),
        click.option(
            "--samplers",
            "order",
            default=",".join(ORDER),
            show_default=True,
            callback=lambda _context, _parameter, text: tuple(filter(None, text.split(","))),
            metavar="A,B,…",
            help="Samplers that apply, in this order.",
        ),
    )
)
"""How words are chosen: the fields of `Sampling`."""

CONSTRAINTS = all_of(
    (
        click.option(
            "--ban", multiple=True, metavar="PATTERN", help="Words never to generate: WORD, @FILE of words, or /regex/."
        ),
        click.option(
            "--allow",
            multiple=True,
            metavar="PATTERN",
            help="The only words to generate: WORD, @FILE of words, or /regex/.",
        ),
        click.option("--bias", multiple=True, metavar="WORD=X", help="Add X nats to a word's logit."),
        click.option("--starts-with", default="", metavar="LETTERS", help="Start the first word with LETTERS."),
        click.option("--min-words", type=int, default=0, metavar="N", help="Minimum number of words of a sentence."),
        click.option("--ignore-eos", "ignore_end", is_flag=True, help="Never end a sentence."),
    )
)
"""What may be written: the fields of `Constraints`."""


def chosen(**options: Any) -> dict[str, Any]:
    """What was asked for of a generation, as `changed` takes it; a seed is drawn where none is given."""
    return given(options | ({"seed": secrets.randbits(32)} if options["seed"] is None else {}))
