"""How fast the Go program is beside lmgen: words/s at one text, seconds to the first word, memory, size of the program.

    python benchmarks/go.py [--model mini] [--rounds 5] [--words 3000] [--only NAME …]

Each contender is a process of its own that draws from the whole distribution; they take turns in every round.
"""

import argparse
import importlib.util
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
TENSORFLOW = Path(importlib.util.find_spec("tensorflow").origin).parent  # type: ignore[union-attr,arg-type]
PLAIN = ["--temperature", "1", "--top-p", "1", "--ignore-eos", "--seed", "1"]


BASE = "litert:fast"


def contenders(program: Path, with_libraries: Path) -> dict[str, list[str]]:
    """The command of each."""
    litert = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
    tensorflow = TENSORFLOW / "libtensorflow_cc.so.2"
    python = [sys.executable, "-m", "lmgen", "complete", "The president said"]
    go = [str(program), "complete", "The president said"]
    return {
        BASE: python,
        "original": [sys.executable, str(ROOT / "benchmarks" / "original.py"), "The president said"],
        "session": [*python, "--engine", "session"],
        "go, float32": go,
        "go, int8": [*go, "--precision", "int8"],
        "go, litert": [str(with_libraries), *go[1:], "--engine", "litert", "--library", str(litert)],
        "go, tensorflow": [str(with_libraries), *go[1:], "--engine", "tensorflow", "--library", str(tensorflow)],
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
    environment = {**os.environ, "CGO_ENABLED": str(int(cgo)), "CGO_CFLAGS": f"-I{TENSORFLOW / 'include'}"}
    subprocess.run(command, cwd=ROOT / "go", env=environment, check=True)
    return program


def main(model: str, rounds: int, words: int, only: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder) / "lmgen-go")
        with_libraries = build(Path(folder) / "lmgen-go-libraries", "-tags", "litert tensorflow", cgo=True)
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for name, command in contenders(program, with_libraries).items():
                if only and name not in (BASE, *only):
                    continue
                found.setdefault(name, []).append(measure([*command, "-m", model, *PLAIN], words))
        print(f"{'':<14} {'words/s':>9} {'of litert:fast':>15} {'first word, s':>14} {'memory, MB':>11}")
        for name, rows in found.items():
            ratio = median(row[0] / base[0] for row, base in zip(rows, found[BASE], strict=True))
            speed, first, memory = (median(column) for column in zip(*rows, strict=True))
            print(f"{name:<14} {speed:>9,.0f} {ratio:>15.2f} {first:>14.3f} {memory:>11,.0f}")
        sizes = [path.stat().st_size / 1e6 for path in (program, with_libraries)]
        print(
            f"\nprogram {sizes[0]:.1f} MB, with LiteRT and TensorFlow {sizes[1]:.1f} MB; {os.cpu_count()} cores, {processor()}"
        )


def processor() -> str:
    """Its name."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else "?"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--words", type=int, default=3000)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help=f"these beside {BASE}")
    main(**vars(parser.parse_args()))
