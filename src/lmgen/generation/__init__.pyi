from .beam import Hypothesis as Hypothesis, hypothesis_events as hypothesis_events, search as search
from .constraints import Constraints as Constraints, Limits as Limits, matching as matching
from .events import Ended as Ended, Statistics as Statistics, Step as Step, Word as Word
from .generate import (
    ROWS as ROWS,
    Batch as Batch,
    Sample as Sample,
    generate_all as generate_all,
    generate_from as generate_from,
)
from .options import (
    ALIASES as ALIASES,
    Generation as Generation,
    changed as changed,
    defaults as defaults,
    flat as flat,
    given as given,
    split_options as split_options,
)
from .output import (
    FORMATS as FORMATS,
    RECORD as RECORD,
    RecordWriter as RecordWriter,
    SampleQueue as SampleQueue,
    Style as Style,
    TextWriter as TextWriter,
    continuation as continuation,
    write_samples as write_samples,
)
from .prefixes import Prefixes as Prefixes
from .prompts import Arriving as Arriving, Prompt as Prompt, read_prompts as read_prompts
from .sampling import ORDER as ORDER, Sampling as Sampling
