"""A corpus cut into shards, each done by one of several workers: processes of this machine, or a Ray cluster."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
