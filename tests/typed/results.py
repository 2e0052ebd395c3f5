"""What `lm` gives has the type of what it was given: mypy reads this, nothing runs it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas
from numpy.typing import NDArray
from typing_extensions import assert_type

from lmgen.api import LM
from lmgen.items import Choices
from lmgen.scoring import Surprisals


def check(lm: LM, texts: Iterator[str], series: pandas.Series[str], frame: pandas.DataFrame) -> None:
    assert_type(lm.score("a"), NDArray[np.float64])
    assert_type(lm.score(["a"]), NDArray[np.float64])
    assert_type(lm.score(texts), Iterator[float])
    assert_type(lm.score(series), pandas.Series[float])
    assert_type(lm.score(frame), pandas.Series[float])
    assert_type(lm.embed(["a"]), NDArray[np.float32])
    assert_type(lm.embed(texts), Iterator[NDArray[np.float32]])
    assert_type(lm.embed(series), pandas.DataFrame)
    assert_type(lm.surprisal(["a"]), Surprisals)
    assert_type(lm.surprisal(frame), Surprisals)
    assert_type(lm.surprisal(texts), Iterator[dict[str, Any]])
    assert_type(lm.choose([["a", "b"]]), Choices)
    assert_type(lm.choose(frame), pandas.DataFrame)
