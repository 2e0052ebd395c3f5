"""Results that show themselves: as HTML, at the prompt, as pages and DataFrames; lists as before."""

import copy
import pickle
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from lmgen.display import AT_PROMPT, IN_NOTEBOOK, Samples
from lmgen.errors import MissingError, UnsupportedError
from lmgen.scoring.distribution import Distribution, NextWord, NextWords
from lmgen.scoring.shown import Surprisals
from lmgen.text.vocabulary import MARKS, Vocabulary

VOCABULARY = Vocabulary([*MARKS, "a", "b<"])
ROW = {"sentence_id": 1, "token_id": 1, "token": "the", "surprisal": 5.0, "rank": 1234, "entropy": 2.5, "oov": 0}
SURPRISALS = Surprisals([ROW, {**ROW, "token": "<b>", "surprisal": 40.0, "oov": 1}, {**ROW, "sentence_id": 2}])
NEXT = NextWords([NextWord("the", 1, 0.5, 0.5), NextWord("<UNK>", 2, 0.125, 0.625, oov=True)])
SAMPLES = Samples(["The cat <sat>.", "A cat."])
DISTRIBUTION = Distribution(np.log(np.array([0.1, 0.05, 0.05, 0.3, 0.5], np.float32)), VOCABULARY)
ALL = [SURPRISALS, NEXT, SAMPLES, DISTRIBUTION]


def named(value):
    return type(value).__name__


class Page(HTMLParser):
    """What a browser makes of a piece of HTML: its texts, and the attributes of its elements."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.titles, self.styles, self.open, self.wrong = [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.titles += [value for name, value in attrs if name == "title"]
        self.styles += [value for name, value in attrs if name == "style"]
        self.wrong += [name for name, _ in attrs if name not in ("title", "style")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("value", ALL, ids=named)
def test_html_is_well_formed_has_inline_styles_alone_and_keeps_the_page_s_text_colour(value):
    page = Page(value._repr_html_())

    assert page.open == page.wrong == []
    rules = [rule.split(":") for style in page.styles for rule in style.split(";")]
    names = {name.strip() for name, _ in rules}
    assert "color" not in names
    assert all("rgba(" in colour for name, colour in rules if name.strip() == "background-color")


@pytest.mark.parametrize("value", ALL, ids=named)
def test_a_notebook_takes_html_and_text(value):
    assert value._repr_mimebundle_() == {"text/html": value._repr_html_(), "text/plain": repr(value)}


def test_a_word_s_colour_and_title_tell_its_surprisal():
    page = Page(SURPRISALS.html())

    assert page.texts[0] == "the"
    assert "<b>" in page.texts
    assert page.titles == [
        "surprisal 5.00 bits, rank 1,234, entropy 2.50 bits",
        "surprisal 40.00 bits, rank 1,234, entropy 2.50 bits, outside the vocabulary",
        "surprisal 5.00 bits, rank 1,234, entropy 2.50 bits",
    ]
    assert [style.split(", ")[3].partition(")")[0] for style in page.styles[:3] if "rgba" in style] == [
        "0.17",
        "0.70",
        "0.17",
    ]


def test_surprisals_in_nats_have_the_colours_of_bits():
    nats = Surprisals([{"sentence_id": 1, "word": "the", "surprisal": 5.0 * np.log(2), "oov": 0}], "e")

    assert Page(nats.html()).titles == ["surprisal 3.47 nats"]
    assert Page(nats.html()).styles[0] == Page(SURPRISALS.html()).styles[0]


def test_a_next_word_s_bar_is_as_long_as_it_is_likely():
    page = Page(NEXT.html())

    assert page.titles == ["the: 1.00 bits, rank 1", "<UNK>: 3.00 bits, rank 2, outside the vocabulary"]
    assert [style for style in page.styles if "width: " in style and "rgba" in style] == [
        "background-color: rgba(70, 130, 230, 0.35); width: 100.0%; padding: 0 0.15em",
        "background-color: rgba(70, 130, 230, 0.35); width: 25.0%; padding: 0 0.15em",
    ]


def test_the_prompt_shows_tables():
    assert repr(SURPRISALS[:1]).split() == "sentence_id token surprisal rank entropy oov 1 the 5.0 1234 2.5 0".split()
    assert repr(NEXT).splitlines()[1].split() == ["the", "1", "0.5", "0.5", "0"]
    assert repr(SAMPLES).splitlines()[2].split(maxsplit=1) == ["2", "A cat."]
    assert repr(DISTRIBUTION).splitlines()[0] == "entropy 1.79 bits over 5 words; the most likely:"
    assert repr(Samples()) == "(nothing)"


def test_a_long_result_does_not_flood_and_a_page_has_all_of_it(tmp_path):
    texts = Samples(f"text {number}" for number in range(IN_NOTEBOOK + 5))
    texts.to_html(tmp_path / "page.html")

    assert repr(texts).count("\n") == AT_PROMPT + 1
    assert "… 945 more" in repr(texts)
    assert texts._repr_html_().count("<li>") == IN_NOTEBOOK
    assert "… 5 more" in texts._repr_html_()
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<li>") == IN_NOTEBOOK + 5
    assert "more:" not in page
    with pytest.raises(MissingError, match="cannot write"):
        texts.to_html(tmp_path / "none" / "page.html")


def test_a_distribution_shows_its_most_likely_words_and_gives_all(tmp_path):
    many = Distribution(np.zeros(35, np.float32), Vocabulary([*MARKS, *(f"w{n}" for n in range(32))]))

    assert len(Page(many._repr_html_()).titles) == 20
    assert len(Page(many.html()).titles) == 35
    assert len(many.to_pandas()) == 35


@pytest.mark.parametrize("value", [SURPRISALS, NEXT, SAMPLES], ids=named)
def test_they_are_lists_still(value):
    again = pickle.loads(pickle.dumps(value))

    assert isinstance(value, list)
    assert value == list(value) == again == copy.copy(value)
    assert type(again) is type(value[:1]) is type(value)
    assert again.__dict__ == value[1:].__dict__ == value.__dict__
    assert again.html() == value.html()


def test_distributions_are_compared_and_pickled():
    again = pickle.loads(pickle.dumps(DISTRIBUTION))

    assert again == DISTRIBUTION
    assert again.best() == DISTRIBUTION.best()
    assert again != Distribution(np.zeros(5, np.float32), VOCABULARY)
    assert again != "b<"


@pytest.mark.parametrize("value", ALL, ids=named)
def test_dataframes_have_a_row_for_each(value):
    pytest.importorskip("pandas")
    frame = value.to_pandas()

    assert frame.to_dict("records") == list(value.rows())


def test_pandas_is_imported_where_it_is_asked_for_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(UnsupportedError, match="to_pandas needs pandas: pip install pandas"):
        NEXT.to_pandas()


def test_a_terminal_obeys_nothing_in_a_text():
    assert "\x1b" not in repr(Samples(["\x1b]0;title\x07"]))
