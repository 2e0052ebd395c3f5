"""A model as a folder of files for another runtime."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lmgen.checkpoint import MANIFEST, Checkpoint, ModelFiles, open_checkpoint
from lmgen.engines import quiet_tensorflow
from lmgen.errors import UsageError, needing_onnx, needing_tensorflow
from lmgen.text import whole_folder

GRAPH = "graph.pb"


def export_model(
    files: ModelFiles,
    form: str,
    precision: str,
    target: Path,
    show: Callable[[Iterable[tuple[str, int]]], object] = list,
) -> None:
    """Write a model's files of another format into a new folder, with its vocabulary and `model.toml`.

    Args:
      form: one of FORMATS.
      precision: one of the format's PRECISIONS.
      target: the folder, which appears when it is whole.
      show: runs through the names of what is made, each with how many there are, and may show them.

    Raises UsageError if the format has no such precision or the folder is there already, IntegrityError if the
    checkpoint is damaged, UnsupportedError if a library is not installed, MissingError if nothing can be written.
    """
    if precision not in PRECISIONS[form]:
        raise UsageError(f"{form} is written in {PRECISIONS[form][0]} alone: leave out --precision {precision}")
    with whole_folder(target) as folder:
        show(_steps(files, form, precision == "int8", folder))


def _steps(files: ModelFiles, form: str, int8: bool, folder: Path) -> Iterator[tuple[str, int]]:
    yield "checksums", 3
    checkpoint = open_checkpoint(files)
    checkpoint.weights.check()
    yield form, 3
    WRITERS[form](checkpoint, folder, int8)
    yield "vocabulary", 3
    for name in (files.vocabulary.name, *([MANIFEST] if files.manifest else [])):
        shutil.copyfile(files.folder / name, folder / name)


def _write_onnx(checkpoint: Checkpoint, folder: Path, int8: bool) -> None:
    with needing_onnx("--format onnx"):
        from lmgen.export.onnx import write_onnx

        write_onnx(checkpoint.weights, folder, int8)


def _write_savedmodel(checkpoint: Checkpoint, folder: Path, _int8: bool) -> None:
    with needing_tensorflow("--format savedmodel"), quiet_tensorflow():
        from lmgen.export.savedmodel import write_savedmodel

        write_savedmodel(checkpoint.weights, folder)


def _write_graphdef(checkpoint: Checkpoint, folder: Path, _int8: bool) -> None:
    (folder / GRAPH).write_bytes(checkpoint.definition.SerializeToString(deterministic=True))


def _write_web(checkpoint: Checkpoint, folder: Path, int8: bool) -> None:
    """The files of `lmgen convert`, for one row: runtimes in browsers change no sizes."""
    from lmgen.export.flatbuffer import fix_sizes
    from lmgen.export.litert import file_makers

    for name, make in file_makers(checkpoint.weights, "fast" if int8 else "float32").items():
        make(folder / name)
        fix_sizes(folder / name)


WRITERS: dict[str, Callable[[Checkpoint, Path, bool], None]] = {
    "onnx": _write_onnx,
    "savedmodel": _write_savedmodel,
    "graphdef": _write_graphdef,
    "litert-web": _write_web,
}
FORMATS = tuple(WRITERS)
PRECISIONS = {form: ("float32", "int8") if form in ("onnx", "litert-web") else ("float32",) for form in FORMATS}
"""Those that a format is written in."""
