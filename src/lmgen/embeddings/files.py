"""Vectors with labels, in the forms that other programs read."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np

from lmgen.errors import UsageError
from lmgen.text import Row, cell, open_output, own_name, whole_file

FORMATS = {".jsonl": "jsonl", ".tsv": "tsv", ".npy": "npy", ".npz": "npz", ".txt": "word2vec", ".vec": "word2vec"}
"""Suffixes, and what is written under each."""
DIGITS = 9
"""Significant digits of a float32: no other number is read back."""


@dataclass(frozen=True)
class Labelled:
    """A vector and what it belongs to."""

    labels: Row
    vector: np.ndarray
    """float32 [size]."""


def write_vectors(found: Iterable[Labelled], output: str, kind: str) -> int:
    """Write vectors as they come, and return how many there were; memory does not grow with them.

    `jsonl`: an object each, with its labels and `vector`. `tsv`: columns of labels, then v1, v2, … `npy`: float32
    [vectors, size], without labels. `npz`: that as `vectors`, and an array for every label. `word2vec`: its text form,
    a line with both numbers, then a label and a vector in each.

    Raises UsageError where there are none, and for a label that word2vec's form has no room for.

    Args:
      output: a file's name, or `-` for stdout, which takes no `npy` or `npz`.
    """
    rows = iter(found)
    first = next(rows, None)
    if first is None:
        raise UsageError("there is nothing to embed: the input has no word")
    whole = chain([first], rows)
    if kind in ("npy", "npz"):
        with whole_file(Path(output)) as partial:
            return _write_matrix(whole, partial, kind)
    with open_output(output) as out:
        return sum(1 for _ in _WRITERS[kind](whole, out))


def _write_jsonl(found: Iterable[Labelled], out: IO[str]) -> Iterator[Labelled]:
    for one in found:
        labels = json.dumps({**one.labels, "vector": []}, ensure_ascii=False)
        out.write(f"{labels.removesuffix(']}')}{_numbers(one.vector, ', ')}]}}\n")
        yield one


def _write_tsv(found: Iterable[Labelled], out: IO[str]) -> Iterator[Labelled]:
    for number, one in enumerate(found):
        if not number:
            out.write("\t".join([*one.labels, *(f"v{place + 1}" for place in range(len(one.vector)))]) + "\n")
        out.write("\t".join([*map(cell, map(str, one.labels.values())), _numbers(one.vector, "\t")]) + "\n")
        yield one


def _write_word2vec(found: Iterable[Labelled], out: IO[str]) -> Iterator[Labelled]:
    count, size = 0, 0
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as lines:  # the heading says how many
        for one in found:
            label = " ".join(map(str, one.labels.values()))
            if len(label.split()) != 1:
                raise UsageError(
                    f"word2vec's form has one word for a vector, not {label!r}: write .jsonl, .tsv or .npz"
                )
            lines.write(f"{label} {_numbers(one.vector, ' ')}\n")
            count, size = count + 1, len(one.vector)
            yield one
        out.write(f"{count} {size}\n")
        lines.seek(0)
        shutil.copyfileobj(lines, out)


_WRITERS = {"jsonl": _write_jsonl, "tsv": _write_tsv, "word2vec": _write_word2vec}


def _numbers(vector: np.ndarray, between: str) -> str:
    """As text. All at once takes a quarter of the time."""
    return between.join([f"%.{DIGITS}g"] * len(vector)) % tuple(vector.tolist())


def _write_matrix(found: Iterable[Labelled], path: Path, kind: str) -> int:
    labels: dict[str, list[Any]] = {}
    count = size = 0
    with tempfile.TemporaryFile(dir=path.parent) as raw:  # the heading says how many
        for count, one in enumerate(found, 1):
            raw.write(one.vector.astype("<f4").tobytes())
            size = len(one.vector)
            for name, value in one.labels.items() if kind == "npz" else ():
                labels.setdefault(name, []).append(value)
        if kind == "npy":
            with open(path, "wb") as out:
                _copy_matrix(raw, out, (count, size))
        else:
            with zipfile.ZipFile(path, "w") as archive:
                with archive.open(f"{own_name('vectors', labels)}.npy", "w", force_zip64=True) as out:
                    _copy_matrix(raw, out, (count, size))
                for name, values in labels.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as out:
                        np.save(out, np.array(values))
    return count


def _copy_matrix(raw: IO[bytes], out: IO[bytes], shape: tuple[int, int]) -> None:
    """Write a .npy of float32 numbers as they lie in a file: NumPy would map all of them into memory."""
    np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": shape})
    raw.seek(0)
    shutil.copyfileobj(raw, out)
