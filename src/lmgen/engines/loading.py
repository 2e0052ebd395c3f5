"""A model's files become a model, on the engine asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from lmgen.checkpoint import MANIFEST, ModelFiles, intact
from lmgen.engines.litert_files import PRECISIONS, Converted, find_converted
from lmgen.engines.placement import Placement
from lmgen.engines.quiet import quiet_end, quiet_tensorflow
from lmgen.errors import IntegrityError, MissingError, UsageError, needing_tensorflow
from lmgen.model import LanguageModel
from lmgen.store import checked_once

ENGINES = ("auto", "litert", "session")


@dataclass(frozen=True)
class EngineOptions:
    """What computes, how exactly, and where."""

    engine: str = "auto"
    """`litert` runs converted files; `session` the GraphDef and its checkpoint, in TensorFlow; `auto` is litert where
    the model has been converted and no device is asked for."""
    precision: str = "fast"
    """Of litert, `fast`, `exact` or `float32`; a session computes in float32 always."""
    placement: Placement = field(default_factory=Placement)
    """Of the session; litert heeds the number of threads alone."""
    spelled_marks: bool = False
    """Read `<S>` and `</S>` by their characters, as the program of 2016 did."""
    verbose: bool = False
    """Let the engines write their own messages to stderr."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES or self.precision not in PRECISIONS:
            raise UsageError(
                f"no engine {self.engine!r} or precision {self.precision!r}: choose from {ENGINES}, {PRECISIONS}"
            )
        if self.engine == "litert" and self.names_places:
            raise UsageError("devices are placed by the session alone: leave out --engine litert")

    @property
    def prefers_litert(self) -> bool:
        """Whether litert is to run where it can."""
        return self.engine != "session" and not self.names_places

    @property
    def names_places(self) -> bool:
        """Whether `placement` asks for what a session alone can do: all but the number of threads."""
        return replace(self.placement, threads=0) != Placement()


def load(
    files: ModelFiles,
    options: EngineOptions = EngineOptions(),
    convert: Callable[[ModelFiles, str], object] = lambda _files, _precision: None,
) -> LanguageModel:
    """Load a model. Raises LmgenError of the kind that fits.

    Args:
      convert: may make the files of a precision where `auto` could run litert but for them.
    """
    _check_named(files, files.vocabulary)
    converted = find_converted(files, options.precision) if options.prefers_litert else None
    if options.engine == "auto" and options.prefers_litert and not converted:
        convert(files, options.precision)
        converted = find_converted(files, options.precision)
    if options.engine == "litert" and not converted:
        raise MissingError(
            f"{files.folder.name} has no files in {options.precision}: "
            f"lmgen convert {files.folder} --precision {options.precision}"
        )
    with quiet_tensorflow(options.verbose):
        return _litert(files, converted, options) if converted else _session(files, options)


def _check_named(files: ModelFiles, path: Path) -> None:
    """Raise IntegrityError if a file is not the one that the model's manifest names, if it names one."""
    file = files.manifest.files.get(path.name) if files.manifest else None
    if file and file.checksums and not checked_once(path, str(file.checksums), lambda: intact(path, file)):
        raise IntegrityError(f"{path} is damaged, or not the file that {MANIFEST} names: replace it with a good copy")


def tensorflow_installed() -> bool:
    """Whether TensorFlow could be imported."""
    return find_spec("tensorflow") is not None


def _litert(files: ModelFiles, converted: Converted, options: EngineOptions) -> LanguageModel:
    from lmgen.engines.litert import LiteRTModel

    if not options.verbose:
        quiet_end()
    if options.precision == "exact":
        from lmgen.engines.exact import ExactModel

        return ExactModel(files, converted, options.placement.threads, options.spelled_marks)
    return LiteRTModel(files, converted, options.placement.threads, options.spelled_marks)


def _session(files: ModelFiles, options: EngineOptions) -> LanguageModel:
    _check_named(files, files.graph)
    with needing_tensorflow("the session engine"):
        from lmgen.engines.session import SessionModel

        return SessionModel(files, options.placement, options.spelled_marks)
