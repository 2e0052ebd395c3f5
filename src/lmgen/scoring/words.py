"""Which tokens make the user's own words and regions."""

from collections.abc import Sequence
from dataclasses import dataclass

from lmgen.errors import UsageError
from lmgen.scoring.score import Scored, Sentence
from lmgen.text import SENTENCE_END, Span, region_spans, word_spans


@dataclass(frozen=True)
class Part:
    """A word or region of a text, or the end of a sentence, with places among the text's tokens."""

    text: str
    start: int
    """In code points of the text, from 0; start == end for the end of a sentence."""
    end: int
    tokens: Sequence[int]

    @property
    def is_end(self) -> bool:
        """Whether it is the end of a sentence, and no `</S>` that the user wrote."""
        return self.text == SENTENCE_END and self.start == self.end


def parts_of(scored: Scored, by: str, punctuation: bool = False) -> list[Part]:
    """The words or regions of a scored text and the ends of its sentences, in order; each token is in one of them.

    Raises UsageError where the text has no regions, or one that ends within a token.
    """
    sentence, tokens = scored.sentence, scored.tokens
    ends = [place for place, token in enumerate(tokens) if token == SENTENCE_END]
    ends = ends[sentence.text.split().count(SENTENCE_END) :]  # without those that the user wrote
    words = [place for place in range(len(tokens)) if place not in ends]
    spelled = [tokens[place] for place in words]
    try:
        spans = _spans(sentence, by, spelled, punctuation)
    except UsageError as error:
        raise UsageError(f"{sentence.place}: {error}" if sentence.place else str(error)) from error
    parts = [
        Part(sentence.text[span.start : span.end], span.start, span.end, [words[place] for place in span.tokens])
        for span in spans
    ]
    return _with_ends(parts, ends)


def _spans(sentence: Sentence, by: str, tokens: Sequence[str], punctuation: bool) -> list[Span]:
    if by == "region" and not sentence.regions:
        raise UsageError("the text has no regions: put | between them, or name a --region-column")
    if by == "region" or sentence.rows:
        return region_spans(sentence.text, sentence.regions, tokens)
    return word_spans(sentence.text, tokens, punctuation)


def _with_ends(parts: list[Part], ends: list[int]) -> list[Part]:
    """The parts, and each end of a sentence after the part before it."""
    found: list[Part] = []
    for part in parts:
        while ends and part.tokens and ends[0] < part.tokens[0]:
            found.append(_end(found, ends.pop(0)))
        found.append(part)
    return [*found, *(_end(found, place) for place in ends)]


def _end(before: list[Part], place: int) -> Part:
    at = before[-1].end if before else 0
    return Part(SENTENCE_END, at, at, [place])
