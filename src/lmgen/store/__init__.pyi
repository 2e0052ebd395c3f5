from .archive import (
    export as export,
    import_archive as import_archive,
    import_folder as import_folder,
    write_archive as write_archive,
)
from .cache import clear as clear, kept as kept, model_of as model_of, sign as sign
from .download import (
    Event as Event,
    Need as Need,
    Source as Source,
    fetch_model as fetch_model,
    lacking as lacking,
    survey as survey,
)
from .events import Failed as Failed, Placed as Placed, Received as Received, Waiting as Waiting
from .home import (
    board_folder as board_folder,
    check_room as check_room,
    checked_once as checked_once,
    home as home,
    lock as lock,
    one_at_a_time as one_at_a_time,
    own_folder as own_folder,
    put as put,
    state_folder as state_folder,
    writing as writing,
)
from .library import (
    DEFAULT_MODEL as DEFAULT_MODEL,
    check_intact as check_intact,
    find as find,
    find_folder as find_folder,
    manifest_of as manifest_of,
    model_folders as model_folders,
    released as released,
    remove as remove,
    verify as verify,
)
