from .commands import Leave as Leave, read as read
from .repl import Repl as Repl
from .settings import Settings as Settings
from .terminal import talk as talk
