"""Checksums of files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

DIGITS = {"md5": 32, "sha256": 64, "sha512": 128}
"""Checksums that a file may have, with their number of hexadecimal digits."""


class Digest:
    """The checksums of a file, as its bytes pass by."""

    def __init__(self, kinds: Iterable[str] = ("sha256",)) -> None:
        self._hashes = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}

    def add(self, block: bytes) -> None:
        for hashed in self._hashes.values():
            hashed.update(block)

    def read(self, path: Path) -> "Digest":
        """Add a whole file."""
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                self.add(block)
        return self

    @property
    def checksums(self) -> dict[str, str]:
        """By kind, in hexadecimal."""
        return {kind: hashed.hexdigest() for kind, hashed in self._hashes.items()}


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    return Digest().read(path).checksums["sha256"]


def masked(crc: int) -> int:
    """A CRC-32C as it is stored: a sum over bytes that hold sums would be no good one."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
