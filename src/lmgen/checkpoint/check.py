"""The twelve checkpoint files, checked before they are read: every tensor there, once, in its shape."""

from pathlib import Path

import tensorflow as tf

from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.checkpoint.names import file_of, file_pattern, variable_shapes
from lmgen.checkpoint.shape import Shape
from lmgen.errors import IntegrityError


def check_checkpoint(folder: Path, shape: Shape) -> None:
    """Compare what the files of a model say they hold with what its graph has; only their indices are read.

    Raises IntegrityError that names the first file and tensor which are not right.
    """
    places: dict[str, str] = {}
    wanted = variable_shapes(shape)
    for file in CHECKPOINT_FILES:
        for name, size in _index(folder / file).items():
            if name in places:
                raise IntegrityError(
                    f"{name} is in both {places[name]} and {file} of {folder}: one is not what it says"
                )
            places[name] = file
            if name in wanted and tuple(size) != wanted[name]:
                raise IntegrityError(f"{name} in {folder / file} has the shape {size}, the graph {list(wanted[name])}")
    for name in wanted:
        if places.get(name) != file_of(name):
            where = f": it is in {places[name]}" if name in places else ""
            raise IntegrityError(f"{folder / file_of(name)} lacks the tensor {name}{where}")


def _index(file: Path) -> dict[str, list[int]]:
    try:
        return tf.compat.v1.train.NewCheckpointReader(file_pattern(file)).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise IntegrityError(f"{file} is damaged, or no checkpoint file: {str(error).splitlines()[0]}") from error
