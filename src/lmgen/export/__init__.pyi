from .export import FORMATS as FORMATS, PRECISIONS as PRECISIONS, export_model as export_model
from .once import convert_model as convert_model, load_converted as load_converted
