from .events import Saved as Saved, Trained as Trained, Validated as Validated
from .run import About as About, Texts as Texts, begin as begin, resume as resume
from .trainer import Budget as Budget, Recipe as Recipe
