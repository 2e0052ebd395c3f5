from .export import FORMATS as FORMATS, PRECISIONS as PRECISIONS, export_model as export_model
from .once import (
    convert_if_better as convert_if_better,
    convert_model as convert_model,
    is_better_converted as is_better_converted,
)
