import io

import numpy as np
from PIL import Image

from lmgen.pictures.png import LINE, WIDTH, length
from lmgen.pictures.reliability import BAR, CAPTION, LABEL, NUMBERS, Bin, reliability


def test_bars_are_as_long_as_their_shares_and_fit():
    bins = [Bin(0.0001, 0.001, 0.25, 0.5), Bin(0.9, 1, 0, 0.125)]
    picture = np.asarray(Image.open(io.BytesIO(reliability(bins).finish())).convert("RGB")).astype(int)
    room = WIDTH - LABEL - NUMBERS
    bars = picture[:, LABEL : LABEL + room]

    def colours(line, under):
        row = bars[line * LINE + 2 + BAR // 2 + BAR * under]
        return (row[:, 2] > row[:, 0]).sum(), (row[:, 0] > row[:, 2]).sum()

    assert picture.shape == (3 * LINE, WIDTH, 3)
    assert [colours(line, under) for line in (1, 2) for under in (0, 1)] == [
        (room // 2, 0),
        (0, room),
        (0, 0),
        (0, room // 4),
    ]
    assert length(CAPTION) <= WIDTH
    assert length("0.0001 to 0.001") <= LABEL
    assert length("100.00 100.00") <= NUMBERS
