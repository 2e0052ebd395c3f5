from .once import convert_model as convert_model, load_converted as load_converted
