"""How fast the Go program is beside lmgen: words/s at one text, seconds to the first word, size.

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

ROOT = Path(__file__).parents[1]
PLAIN = ["--temperature", "1", "--top-p", "1", "--ignore-eos", "--seed", "1"]


def contenders(program: Path) -> dict[str, list[str]]:
    """The command of each."""
    python = [sys.executable, "-m", "lmgen", "complete", "The president said"]
    go = [str(program), "complete", "The president said"]
    return {
        "litert:fast": python,
        "session": [*python, "--engine", "session"],
        "go, float32": go,
        "go, int8": [*go, "--precision", "int8"],
    }


def measure(command: list[str], words: int) -> tuple[float, float]:
    """(words/s after the first, seconds to the first word)."""
    first, whole = seconds([*command, "--max-words", "1"]), seconds([*command, "--max-words", str(words)])
    return (words - 1) / max(whole - first, 1e-9), first


def seconds(command: list[str]) -> float:
    """How long a process takes."""
    began = time.monotonic()
    subprocess.run(command, capture_output=True, check=True)
    return time.monotonic() - began


def main(model: str, rounds: int, words: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "lmgen-go"
        build = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(program), "./cmd/lmgen-go"]
        subprocess.run(build, cwd=ROOT / "go", env={**os.environ, "CGO_ENABLED": "0"}, check=True)
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for name, command in contenders(program).items():
                found.setdefault(name, []).append(measure([*command, "-m", model, *PLAIN], words))
        print(f"{'':<12} {'words/s':>9} {'of litert:fast':>15} {'first word, s':>14}")
        for name, rows in found.items():
            ratio = median(row[0] / base[0] for row, base in zip(rows, found["litert:fast"], strict=True))
            print(
                f"{name:<12} {median(row[0] for row in rows):>9,.0f} {ratio:>15.2f} {median(row[1] for row in rows):>14.3f}"
            )
        print(f"\n{program.stat().st_size / 1e6:.1f} MB of program; {os.cpu_count()} cores, {processor()}")


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
