from .contenders import ENGINES as ENGINES, RIVALS as RIVALS, check_installed as check_installed, present as present
from .events import Apart as Apart, Begun as Begun, Measured as Measured
from .rounds import (
    MACHINE as MACHINE,
    Figure as Figure,
    Plan as Plan,
    bench as bench,
    figures as figures,
    turns as turns,
)
