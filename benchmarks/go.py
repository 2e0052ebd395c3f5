"""How fast the Go program is beside lmgen: words/s at one text, seconds to the first word, memory, size of the program.

    python benchmarks/go.py [--model mini] [--rounds 5] [--words 3000]

Each contender is a process of its own that draws from the whole distribution; they take turns in every round.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import ai_edge_litert

ROOT = Path(__file__).parents[1]
PLAIN = ["--temperature", "1", "--top-p", "1", "--ignore-eos", "--seed", "1"]


def contenders(program: Path, with_litert: Path) -> dict[str, list[str]]:
    """The command of each."""
    library = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
    python = [sys.executable, "-m", "lmgen", "complete", "The president said"]
    go = [str(program), "complete", "The president said"]
    return {
        "litert:fast": python,
        "session": [*python, "--engine", "session"],
        "go, float32": go,
        "go, int8": [*go, "--precision", "int8"],
        "go, litert": [str(with_litert), *go[1:], "--engine", "litert", "--library", str(library)],
    }


def measure(command: list[str], words: int) -> tuple[float, float, float]:
    """(words/s after the first, seconds to the first word, MB of memory at its peak)."""
    first, _ = cost([*command, "--max-words", "1"])
    whole, memory = cost([*command, "--max-words", str(words)])
    return (words - 1) / max(whole - first, 1e-9), first, memory


def cost(command: list[str]) -> tuple[float, float]:
    """(seconds, MB at its peak) of a process."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - began, usage.ru_maxrss / 1e3


def build(program: Path, *options: str, cgo: bool = False) -> Path:
    """The program, made."""
    command = ["go", "build", "-trimpath", "-ldflags", "-s -w", *options, "-o", str(program), "./cmd/lmgen-go"]
    subprocess.run(command, cwd=ROOT / "go", env={**os.environ, "CGO_ENABLED": str(int(cgo))}, check=True)
    return program


def main(model: str, rounds: int, words: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder) / "lmgen-go")
        with_litert = build(Path(folder) / "lmgen-go-litert", "-tags", "litert", cgo=True)
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for name, command in contenders(program, with_litert).items():
                found.setdefault(name, []).append(measure([*command, "-m", model, *PLAIN], words))
        print(f"{'':<12} {'words/s':>9} {'of litert:fast':>15} {'first word, s':>14} {'memory, MB':>11}")
        for name, rows in found.items():
            ratio = median(row[0] / base[0] for row, base in zip(rows, found["litert:fast"], strict=True))
            speed, first, memory = (median(column) for column in zip(*rows, strict=True))
            print(f"{name:<12} {speed:>9,.0f} {ratio:>15.2f} {first:>14.3f} {memory:>11,.0f}")
        sizes = [path.stat().st_size / 1e6 for path in (program, with_litert)]
        print(f"\nprogram {sizes[0]:.1f} MB, with LiteRT {sizes[1]:.1f} MB; {os.cpu_count()} cores, {processor()}")


def processor() -> str:
    """Its name."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else "?"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--words", type=int, default=3000)
    main(**vars(parser.parse_args()))
