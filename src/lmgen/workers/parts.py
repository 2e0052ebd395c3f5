"""Finished parts of a long output, in a folder: a later run continues from them."""

import contextlib
import csv
import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lmgen.errors import UsageError
from lmgen.text import make_folder, whole_file
from lmgen.workers.jobs import Part
from lmgen.workers.pool import Worker
from lmgen.workers.shards import Shard

MANIFEST = "parts.jsonl"
"""A line with what the parts were made by; then one for each part, in the order in which they were finished."""
DELIMITERS = {"csv": ",", "tsv": "\t", "lm-zoo": "\t", "jsonl": None}
"""Formats that can be cut, and what is between the cells of their heading; None for no heading."""


class Parts:
    """A folder with a file for each shard, and a manifest.

    Args:
      folder: made if it is not there.
      kind: one of DELIMITERS.
      facts: whatever changes what parts hold: options, the model.
      resume: continue from the parts that are there.

    Raises UsageError where there are parts, and they are not to be resumed or were made by other facts; MissingError if
    the folder cannot be written.
    """

    def __init__(self, folder: Path, kind: str, facts: dict[str, Any], resume: bool) -> None:
        self.folder, self._kind, self._lock = folder, kind, threading.Lock()
        lines = list(_read(folder / MANIFEST))
        if len(lines) > 1 and not resume:
            raise UsageError(f"{folder} holds finished parts of a run: add --resume to use them, or remove the folder")
        if not lines and folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder} is there already, and it holds no parts: remove it, or give -o another name")
        if lines:
            self._check(lines[0], json.loads(json.dumps(facts)))
        self._parts = {line["part"]: line for line in lines[1:]}
        self._asked = set[int]()
        make_folder(folder)
        if not lines:
            self._note(facts)

    def make(self, worker: Worker, shard: Shard) -> Part:
        """Have a worker make the part of a shard, unless it is there; what is returned has no text.

        Raises UsageError if the part that is there was made of other sentences.
        """
        self._asked.add(shard.number)
        if self._is_made(shard):
            return Part("", ())
        part = worker.do(shard.sentences)
        content = part.text.encode("utf-8", "replace")
        with whole_file(self._file(shard.number)) as partial:
            partial.write_bytes(content)
        with self._lock:
            line = {"part": shard.number, "sentences": shard.digest, "sha256": _digest(content)}
            self._parts[shard.number] = line
            self._note(line)
        return Part("", part.sums)

    def check_end(self) -> None:
        """Raise UsageError if there are parts of a text that was longer."""
        if self._parts.keys() - self._asked:
            raise UsageError(f"{self.folder} was made of a longer text: remove the folder")

    def join(self, out: IO[str], join: "Joiner") -> None:
        """Write all parts as one, in order."""
        for number in sorted(self._parts):
            out.write(join(self._file(number).read_bytes().decode()))
        out.write(join.rest)

    def __len__(self) -> int:
        return len(self._parts)

    def remove(self) -> None:
        """Remove the parts, the manifest, and the folder if nothing else is in it."""
        for path in (*map(self._file, self._parts), self.folder / MANIFEST):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _check(self, made: dict[str, Any], facts: dict[str, Any]) -> None:
        for name in made.keys() | facts.keys():
            if made.get(name) != facts.get(name):
                raise UsageError(
                    f"{self.folder} was made with {name} {made.get(name)}, not {facts.get(name)}: "
                    "give the same options, or remove the folder"
                )

    def _is_made(self, shard: Shard) -> bool:
        line = self._parts.get(shard.number)
        if not line:
            return False
        if line["sentences"] != shard.digest:
            raise UsageError(f"{self.folder} was made of another text, see {shard.place}: remove the folder")
        path = self._file(shard.number)
        return path.is_file() and _digest(path.read_bytes()) == line["sha256"]

    def _file(self, number: int) -> Path:
        suffix = "tsv" if self._kind == "lm-zoo" else self._kind
        return self.folder / f"part-{number:05}.{suffix}"

    def _note(self, line: dict[str, Any]) -> None:
        with open(self.folder / MANIFEST, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


class Joiner:
    """Texts with a heading each become one text: the first one's heading stands for all.

    Args:
      kind: one of DELIMITERS.
      empty: what stands for no text at all.
    """

    def __init__(self, kind: str, empty: str) -> None:
        self._delimiter, self.rest = DELIMITERS.get(kind), empty
        self._heading: str | None = None

    def __call__(self, text: str) -> str:
        """What comes next. Raises UsageError if the text has another heading than the first."""
        self.rest = ""
        if self._delimiter is None:
            return text
        heading = _heading(text, self._delimiter)
        if self._heading is None:
            self._heading = heading
            return text
        if heading != self._heading:
            raise UsageError("rows have other columns than the first ones: give a file, not a pipe, or --format jsonl")
        return text[len(heading) :]


def _heading(text: str, delimiter: str) -> str:
    """The first row of a table, which may have several lines."""
    lines = io.StringIO(text, newline="")
    next(csv.reader(lines, delimiter=delimiter), None)
    return text[: lines.tell()]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a manifest; one that was cut short is the last."""
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
