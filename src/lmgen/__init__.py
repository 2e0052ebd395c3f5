"""Word-level language models of the lm_1b family.

lm = lmgen.load("mini")
lm.surprisal("The horse raced past the barn fell.")
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
