"""What a model is: its shape, files and facts; and the file `model.toml` that says so."""

import re
import sys
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import dacite
import tomli_w

from lmgen.checkpoint.digests import DIGITS, Digest
from lmgen.checkpoint.shape import Shape
from lmgen.errors import IntegrityError, LmgenError, MissingError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


MOST = 1 << 31
"""Words, rows and cells of any model are fewer."""


@dataclass(frozen=True)
class File:
    """One file of a model."""

    md5: str = ""
    sha256: str = ""
    sha512: str = ""
    size: int = 0
    """Bytes, about: for the question before a download, its bars and the free disk; 0 if not known."""
    path: str = ""
    """Where it is below a mirror's address, if not there under its own name."""

    def __post_init__(self) -> None:
        for kind, value in self.checksums.items():
            if not re.fullmatch(f"[0-9a-f]{{{DIGITS[kind]}}}", value):
                raise UsageError(f"a {kind} has {DIGITS[kind]} digits 0 to f, unlike {value!r}")
        if self.path.startswith("/") or ".." in self.path.split("/"):
            raise UsageError(f"the path {self.path!r} leaves the mirror")

    @property
    def checksums(self) -> dict[str, str]:
        """Those that are known, by their kind."""
        return {kind: value for kind in DIGITS if (value := getattr(self, kind))}


@dataclass(frozen=True)
class Expectation:
    """What a model is known to answer to a text."""

    source: str
    """Who published it."""
    words: str
    """The text, its words with spaces between."""
    starts: tuple[str, ...] = ("<S>",)
    """What is read first: `<S>`, `spelled` (the three letters of it) or `nothing`; several where it is not known which."""
    bits: tuple[float, ...] = ()
    """Surprisals of the text's last words, in bits, over all rows of the softmax."""
    top: tuple[str, ...] = ()
    """The most likely next words, with spaces between, after the start and after each word of the text."""

    def __post_init__(self) -> None:
        words = len(self.words.split(" "))
        if not set(self.starts) <= {"<S>", "spelled", "nothing"} or not self.starts:
            raise UsageError(f"a text may start with <S>, spelled or nothing, not with {self.starts}")
        if len(self.bits) > words - ("nothing" in self.starts) or len(self.top) not in (0, words + 1):
            raise UsageError(f"{self.words!r} has {len(self.bits)} bits and {len(self.top)} lists: too many or too few")


_CONTEXTS = ("sentence", "stream")


@dataclass(frozen=True)
class Defaults:
    """How words are chosen where the user says nothing: what reads best of a model."""

    temperature: float = 1.0
    """0, or 1e-6 to 1e6; 1 is the model's own distribution."""
    top_p: float = 1.0
    """0 < top_p <= 1; 1 is the model's own distribution."""

    def __post_init__(self) -> None:
        if not (self.temperature == 0 or 1e-6 <= self.temperature <= 1e6) or not 0 < self.top_p <= 1:
            raise UsageError(f"[generation] has a temperature or top_p out of range: {self}")


@dataclass(frozen=True)
class Manifest:
    """What `model.toml` holds."""

    name: str
    description: str
    licence: str
    shape: Shape
    words: int
    """Size of the vocabulary, the three marks included."""
    context: str = ""
    """`sentence`: the LSTM state is emptied at `</S>`, as in training; `stream`: it is carried on. See `carried`."""
    generation: Defaults = Defaults()
    training: dict[str, Any] = field(default_factory=dict)
    """Facts of the training: steps, tokens, hours, perplexities."""
    files: dict[str, File] = field(default_factory=dict)
    """By name; in TOML a sha256 alone may stand for a file."""
    citation: str = ""
    mirrors: tuple[str, ...] = ()
    """Addresses of folders that hold the files, the best first."""
    expectations: tuple[Expectation, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *self.files):
            if not safe_name(name):
                raise UsageError(f"{name!r} cannot be the name of a model or a file in its folder")
        if not all(0 <= size < MOST for size in (self.words, *vars(self.shape).values()) if isinstance(size, int)):
            raise UsageError("words and sizes of a model are numbers from 0 to 2,147,483,647")
        for mirror in self.mirrors:
            if not mirror.startswith(("https://", "http://")):
                raise UsageError(
                    f"the mirror {without_secrets(mirror)!r} is not an http address: begin it with https:// or http://"
                )
        if self.context not in ("", *_CONTEXTS):
            raise UsageError(f"the context must be one of {', '.join(_CONTEXTS)}, not {self.context!r}")

    @property
    def carried(self) -> str:
        """How far the LSTM state is carried: over a `sentence`, or the whole `stream`, as in training.

        Where no `context` is given it is that of the training's recipe; the release carried it.
        """
        recipe = self.training.get("recipe")
        trained = recipe.get("context") if isinstance(recipe, dict) else ""
        return str(self.context or trained or "stream")

    @property
    def size(self) -> int:
        """Bytes of all files, about."""
        return sum(file.size for file in self.files.values())

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest. Raises IntegrityError for what is not one, or says more than it should."""
        try:
            facts = tomllib.loads(path.read_text("utf-8"))
            return dacite.from_dict(cls, facts, _TOML)
        except OSError as error:
            raise MissingError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, RecursionError, dacite.DaciteError, LmgenError) as error:
            raise IntegrityError(f"{path} is not a model's manifest: {error}") from error

    def save(self, path: Path) -> None:
        """Write the file that `load` reads."""
        path.write_text(tomli_w.dumps(_plain(self)), "utf-8")


_TOML = dacite.Config(
    strict=True,
    cast=[tuple],
    type_hooks={File: lambda value: {"sha256": value} if isinstance(value, str) else value},
)


def _plain(value: Any) -> Any:
    """What TOML can hold of a dataclass and all in it; what is empty by default is left out."""
    if is_dataclass(value):
        given = {entry.name: getattr(value, entry.name) for entry in fields(value)}
        needed = {entry.name for entry in fields(value) if entry.default is entry.default_factory is MISSING}
        given = {name: item for name, item in given.items() if item or name in needed}
        return given["sha256"] if given.keys() == {"sha256"} else _plain(given)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def without_secrets(text: str) -> str:
    """A text whose addresses have lost what is for no other eyes: user, password, and a query, which may hold a key."""
    text = re.sub(r"(?<=://)[^\s/?#]*@", "", text)
    return re.sub(r"(://[^\s?#'\"]*)[?#][^\s'\"]*", r"\1", text)


def safe_name(name: str) -> bool:
    """Whether a name stays in the folder where it is put, on every system, and is no hidden file's."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}", name) is not None


def intact(path: Path, file: File) -> bool:
    """Whether a file has all the checksums it should have, and there is one at least."""
    return bool(file.checksums) and Digest(file.checksums).read(path).checksums == file.checksums
