"""The pictures that are written, read back by Pillow."""

import io

import numpy as np
from PIL import Image

from lmgen.pictures.coloured import CAPTION as COLOURS, LINES, Sample, coloured
from lmgen.pictures.heatmap import CAPTION, CELL, COLUMNS, Column, Heatmap, bars
from lmgen.pictures.png import HEIGHT, LINE, WIDTH, length


def column(written, *words):
    shares = np.linspace(0.6, 0.01, len(words))
    return Column(written, 0.3, words, shares)


def read(png):
    return np.asarray(Image.open(io.BytesIO(png.finish())).convert("RGB")).astype(int)


def draw(columns):
    """The pictures of all bands, and the whole."""
    heatmap = Heatmap()
    bands = [png for item in columns for png in heatmap.add(item)]
    bands += heatmap.rest()
    return [read(png) for png in bands], read(heatmap.whole)


def cell(picture, row, place):
    """The colour at the right end of a cell, behind its word; of a band of three rows."""
    return picture[HEIGHT - 3 * LINE + row * LINE + 1, (place + 1) * CELL - 2]


def orange(colour):
    return bool(colour[0] > colour[2])


def test_likelier_words_are_darker():
    [picture], _ = draw([column("z", "a", "b")] * COLUMNS)

    assert cell(picture, 1, 0).sum() < cell(picture, 2, 0).sum()


def test_what_was_written_is_orange_wherever_it_stands():
    [picture], _ = draw([column("a", "a", "b"), column("b", "a", "b")] * (COLUMNS // 2))

    assert [orange(cell(picture, row, 0)) for row in range(3)] == [True, True, False]
    assert [orange(cell(picture, row, 1)) for row in range(3)] == [True, False, True]


def test_different_words_look_different():
    [[one], _], [[other], _] = (draw([column("z", word)]) for word in ("president", "presidency"))

    assert (one != other).any()


def test_bands_are_pictures_of_one_size_and_the_last_shows_the_latest_steps():
    columns = [column(name, "a", "b") for name in "vwxyz"]
    (first, last), whole = draw(columns)
    [latest], _ = draw(columns[1:])

    assert first.shape == last.shape == (HEIGHT, WIDTH, 3)
    assert (last == latest).all()
    assert whole.shape[1] == WIDTH
    assert whole.shape[0] > HEIGHT


def test_legends_are_not_cut():
    assert max(length(CAPTION), length(COLOURS)) <= WIDTH


def test_a_bar_is_as_long_as_its_word_is_likely():
    picture = read(bars(3, Column("b", 0.2, list("abcdefghijklmnopqrst"), np.linspace(0.4, 0.02, 20))))
    top = HEIGHT - 10 * LINE + 1
    lengths = [(picture[top + row * LINE, : WIDTH // 2].sum(1) < 3 * 255).sum() for row in range(10)]

    assert lengths[0] == WIDTH // 2 - 2
    assert lengths == sorted(lengths, reverse=True)
    assert abs(lengths[5] - (WIDTH // 2 - 2) * 0.3 / 0.4) < 1.5
    assert [orange(picture[top + row * LINE, 1]) for row in range(3)] == [False, True, False]


def test_a_words_colour_is_its_surprisal_and_a_prefixs_is_white():
    [png] = coloured([Sample("the", ["cat", "sat"], [6.0, 12.0])])
    picture = read(png)
    row = HEIGHT - LINES * LINE + 1
    lefts = np.cumsum([0] + [length(word) + 4 for word in ("the", "cat")])
    given, some, most = (picture[row, left + 1] for left in lefts)

    assert given.tolist() == [255, 255, 255]
    assert most.tolist() == [225, 95, 0]
    assert most.sum() < some.sum() < given.sum()


def test_every_text_begins_a_line_and_more_go_on_the_next_picture():
    texts = [Sample("", ["word"], [12.0]) for _ in range(LINES + 1)]
    first, second = map(read, coloured(texts))
    marks = [
        [orange(picture[HEIGHT - row * LINE + 1, 1]) for row in range(LINES, 0, -1)] for picture in (first, second)
    ]

    assert marks == [[True] * LINES, [True] + [False] * (LINES - 1)]


def test_any_word_can_be_drawn():
    words = ("caf\udce9", "voilà", "漢字", "x" * 500, " ")
    draw([column("a", *words)])
    read(bars(0, column("a", *words)))
    list(map(read, coloured([Sample("", list(words), [1.0] * len(words))])))
