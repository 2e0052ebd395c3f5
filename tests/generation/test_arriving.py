import threading

import pytest

from lmgen.errors import UsageError
from lmgen.generation.generate import generate_all
from lmgen.generation.options import Generation
from lmgen.generation.prompts import Arriving


def test_items_come_in_order_and_then_the_end():
    arriving = Arriving(range(200))

    assert list(arriving) == list(range(200))
    assert arriving.ready()
    assert list(arriving) == []


def test_it_says_whether_an_item_would_have_to_be_waited_for():
    sent = threading.Semaphore(0)

    def items():
        for item in "ab":
            sent.acquire()
            yield item

    arriving = Arriving(items())
    assert not arriving.ready()
    sent.release()
    assert next(arriving) == "a"
    assert not arriving.ready()
    sent.release()
    assert list(arriving) == ["b"]


def test_an_error_comes_where_it_happened_and_stays():
    def items():
        yield 1
        raise UsageError("line 2")

    arriving = Arriving(items())

    assert next(arriving) == 1
    for _ in range(2):
        with pytest.raises(UsageError, match="line 2"):
            next(arriving)


def test_what_has_begun_does_not_wait_for_the_next_prompt(tiny_model):
    """The second prompt is there only once the first is written: to wait for it would be to wait for ever."""
    written, options = threading.Event(), Generation(max_words=5, seed=1)

    def prompts():
        yield ["the"], options
        assert written.wait(30)
        yield ["cat"], options

    arriving, events = Arriving(prompts()), []
    for event in generate_all(tiny_model, arriving, ready=arriving.ready):
        events.append(event)
        if not hasattr(event, "text"):
            written.set()

    assert events == list(generate_all(tiny_model, [(["the"], options), (["cat"], options)], rows=1))
