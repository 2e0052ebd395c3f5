from .engine import Capacity as Capacity
from .guard import LOOPBACK as LOOPBACK, Rules as Rules
from .models import Source as Source
from .requests import Limits as Limits
from .run import Place as Place, Settings as Settings, serve as serve
