"""The picture that is written, read back by Pillow."""

import io

import numpy as np
from PIL import Image

from lmgen.board.heatmap import COLUMNS, HEIGHT, WIDTH, Column, Heatmap


def column(written, *words):
    shares = np.linspace(0.6, 0.01, len(words))
    return Column(written, 0.3, words, shares)


def draw(columns):
    heatmap = Heatmap()
    for item in columns:
        heatmap.add(item)
    return Image.open(io.BytesIO(heatmap.finish().finish()))


def pixels(columns):
    return np.asarray(draw(columns).convert("RGB")).astype(int)


def ground(picture, row, place):
    """The colour at the right end of a cell, behind its word."""
    top = picture.shape[0] - 3 * HEIGHT
    return picture[top + row * HEIGHT + 1, (place + 1) * WIDTH - 2]


def test_likelier_words_are_darker():
    picture = pixels([column("z", "a", "b")] * 12)

    assert ground(picture, 1, 0).sum() < ground(picture, 2, 0).sum()


def test_what_was_written_is_orange_wherever_it_stands():
    picture = pixels([column("a", "a", "b"), column("b", "a", "b")] * 6)

    def orange(colour):
        return colour[0] > colour[2]

    assert [bool(orange(ground(picture, row, 0))) for row in range(3)] == [True, True, False]
    assert [bool(orange(ground(picture, row, 1))) for row in range(3)] == [True, False, True]


def test_different_words_look_different():
    one, other = (pixels([column("z", word)]) for word in ("president", "presidency"))

    assert (one != other).any()


def test_many_steps_go_into_bands():
    few, many = draw([column("a", "a", "b")] * COLUMNS), draw([column("a", "a", "b")] * (COLUMNS + 1))

    assert (few.width, many.width) == (COLUMNS * WIDTH, COLUMNS * WIDTH)
    assert many.height > few.height + 3 * HEIGHT


def test_any_word_can_be_drawn():
    draw([column("caf\udce9", "voilà", "漢字", "x" * 500, " ")])
