from .events import Saved as Saved, Trained as Trained, Validated as Validated
from .recipe import OPTIMIZERS as OPTIMIZERS, PRECISIONS as PRECISIONS, Budget as Budget, Recipe as Recipe
from .run import About as About, Texts as Texts, begin as begin, resume as resume
