from .litert import Function as Function
from .litert_files import (
    MEMORY as MEMORY,
    NORMS as NORMS,
    PRECISIONS as PRECISIONS,
    ROUNDED as ROUNDED,
    SOFTMAX as SOFTMAX,
    VECTORS as VECTORS,
    VERSION as VERSION,
    Converted as Converted,
    beside as beside,
    cached as cached,
    find_converted as find_converted,
    fingerprint as fingerprint,
    save_facts as save_facts,
    size_of as size_of,
    verify_converted as verify_converted,
)
from .loading import (
    ENGINES as ENGINES,
    EngineOptions as EngineOptions,
    load as load,
    tensorflow_installed as tensorflow_installed,
)
from .placement import Placement as Placement
from .plain import PlainNetwork as PlainNetwork, look_inside as look_inside
from .quiet import quiet_tensorflow as quiet_tensorflow
from .sharing import (
    ModelLock as ModelLock,
    SharedModel as SharedModel,
    Turns as Turns,
    VectorCache as VectorCache,
)
from .weight_cache import forget as forget
