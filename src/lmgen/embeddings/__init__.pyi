from .files import FORMATS as FORMATS, Labelled as Labelled, write_vectors as write_vectors
from .texts import POOLS as POOLS, Embedded as Embedded, embed_sentences as embed_sentences, stacked as stacked
from .words import SPACES as SPACES, WordSpace as WordSpace
