"""How fast the Go program is beside lmgen: words/s at one text, seconds to the first word, memory, size of the program and its library.

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
LITERT = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
LIBRARIES = {
    "go, litert": [LITERT],
    "go, tensorflow": [TENSORFLOW / "libtensorflow_cc.so.2", TENSORFLOW / "libtensorflow_framework.so.2"],
}
"""What must be there beside the program; the first one is loaded by its name."""
PLAIN = ["--temperature", "1", "--top-p", "1", "--ignore-eos", "--seed", "1"]
BASE = "litert:fast"
CONTENDERS = BASE, "original", "session", "go, float32", "go, int8", *LIBRARIES


def contenders(program: Path, with_libraries: Path) -> dict[str, list[str]]:
    """The command of each."""
    python = [sys.executable, "-m", "lmgen", "complete", "The president said"]
    go = [str(program), "complete", "The president said"]
    commands = [
        python,
        [sys.executable, str(ROOT / "benchmarks" / "original.py"), "The president said"],
        [*python, "--engine", "session"],
        [*go, "--precision", "float32"],
        [*go, "--precision", "int8"],
    ]
    for name, (library, *_) in LIBRARIES.items():
        commands.append([str(with_libraries), *go[1:], "--engine", name.split()[-1], "--library", str(library)])
    return dict(zip(CONTENDERS, commands, strict=True))


def size(name: str, program: Path, with_libraries: Path) -> str:
    """MB of a Go program and of the library it loads; nothing for Python."""
    if not name.startswith("go"):
        return ""
    libraries = LIBRARIES.get(name, [])
    files = [with_libraries if libraries else program, *libraries]
    return f"{sum(path.stat().st_size for path in files) / 1e6:,.1f}"


def measure(command: list[str], words: int) -> tuple[float, float, float]:
    """(words/s after the first, seconds to the first word, MB of memory at its peak)."""
    first, _ = cost([*command, "--max-words", "1"])
    whole, memory = cost([*command, "--max-words", str(words)])
    return (words - 1) / max(whole - first, 1e-9), first, memory


def cost(command: list[str]) -> tuple[float, float]:
    """(seconds, MB at its peak) of a process."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command)}: {said.read().decode(errors='replace').strip()}")
    return seconds, usage.ru_maxrss / 1e3


def build(program: Path, *options: str, cgo: bool = False) -> Path:
    """The program, made."""
    command = ["go", "build", "-trimpath", "-ldflags", "-s -w", *options, "-o", str(program), "./cmd/lmgen-go"]
    environment = {**os.environ, "CGO_ENABLED": str(int(cgo)), "CGO_CFLAGS": f"-I{TENSORFLOW / 'include'}"}
    subprocess.run(command, cwd=ROOT / "go", env=environment, check=True)
    return program


def main(model: str, rounds: int, words: int, only: list[str]) -> None:
    model = str(Path(model).resolve()) if Path(model).is_dir() else model
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder) / "lmgen-go")
        with_libraries = build(Path(folder) / "lmgen-go-libraries", "-tags", "litert tensorflow", cgo=True)
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for name, command in contenders(program, with_libraries).items():
                if only and name not in (BASE, *only):
                    continue
                found.setdefault(name, []).append(measure([*command, "-m", model, *PLAIN], words))
        print(
            f"{'':<14} {'words/s':>9} {'of litert:fast':>15} {'first word, s':>14} {'memory, MB':>11} {'program, MB':>12}"
        )
        for name, rows in found.items():
            ratio = median(row[0] / base[0] for row, base in zip(rows, found[BASE], strict=True))
            speed, first, memory = (median(column) for column in zip(*rows, strict=True))
            print(
                f"{name:<14} {speed:>9,.0f} {ratio:>15.2f} {first:>14.3f} {memory:>11,.0f} {size(name, program, with_libraries):>12}"
            )
        print(f"\n{os.cpu_count()} cores, {processor()}, load {os.getloadavg()[0]:.1f}")


def processor() -> str:
    """Its name."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else "?"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--words", type=int, default=3000)
    parser.add_argument(
        "--only", nargs="*", default=[], choices=CONTENDERS, metavar="NAME", help=f"these beside {BASE}"
    )
    main(**vars(parser.parse_args()))
