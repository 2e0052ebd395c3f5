from .cluster import join as join, join_here as join_here
from .events import Saved as Saved, Trained as Trained, Validated as Validated
from .recipe import (
    DISTRIBUTIONS as DISTRIBUTIONS,
    OPTIMIZERS as OPTIMIZERS,
    PRECISIONS as PRECISIONS,
    About as About,
    Budget as Budget,
    Recipe as Recipe,
)
from .run import Texts as Texts, begin as begin, resume as resume
