from .api import load as load
