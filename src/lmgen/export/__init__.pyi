from .once import convert_model as convert_model
