"""A checkpoint, opened: its graph, its sizes and its weights, checked to belong together before anything is computed."""

from dataclasses import dataclass

from google.protobuf.message import Message

from lmgen.checkpoint.definition import read_graph, shape_of
from lmgen.checkpoint.folder import CHECKPOINT_FILES, ModelFiles
from lmgen.checkpoint.names import file_of, variable_shapes
from lmgen.checkpoint.shape import Shape
from lmgen.checkpoint.tensors import saved_shapes
from lmgen.checkpoint.weights import Weights
from lmgen.errors import IntegrityError


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was released, or written in that form."""

    files: ModelFiles
    definition: Message
    """The GraphDef, which may do no more than compute."""
    shape: Shape
    weights: Weights


def open_checkpoint(files: ModelFiles) -> Checkpoint:
    """Read the graph, and compare what the checkpoint's files hold with it; weights are read when they are asked for.

    Raises IntegrityError that names the first file which is damaged or does not belong to the others.
    """
    definition = read_graph(files.graph)
    shape = shape_of(definition, files.graph)
    check_variables(files, shape)
    return Checkpoint(files, definition, shape, Weights(files.folder, shape))


def check_variables(files: ModelFiles, shape: Shape) -> None:
    """Every variable must be there, once, in its file and its shape; only the files' indices are read.

    Raises IntegrityError that names the first file and variable which are not right.
    """
    places: dict[str, str] = {}
    wanted = variable_shapes(shape)
    for file in CHECKPOINT_FILES:
        for name, size in saved_shapes(files.folder / file).items():
            if name in places:
                raise IntegrityError(
                    f"{name} is in both {places[name]} and {file} of {files.folder}: one is not what it says"
                )
            places[name] = file
            if name in wanted and size != wanted[name]:
                raise IntegrityError(
                    f"{name} in {files.folder / file} has the shape {list(size)}, the graph {list(wanted[name])}"
                )
    for name in wanted:
        if places.get(name) != file_of(name):
            where = f": it is in {places[name]}" if name in places else ""
            raise IntegrityError(f"{files.folder / file_of(name)} lacks the tensor {name}{where}")
