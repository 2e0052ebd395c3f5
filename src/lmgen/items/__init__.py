"""Test items: sentences to choose from, suites of conditions and regions, and how many come out right."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
