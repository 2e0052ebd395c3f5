"""Damage a model's files at random for some minutes, and see that nothing but a refusal or the same output comes.

    python benchmarks/fuzz.py FOLDER [--minutes 5] [--seed 0] [--kind 'packed weights']

FOLDER is a model in the released layout, small and converted (fast, exact). Each trial damages one file of a copy of it, or of
its packed weights, an archive of it, a training's snapshot (a bit, a cut, a block of zeros). Complaints are printed with their seed, and a table; exit code 1 if there is any.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from damage import WAYS, outcome, tried
from lmgen.engines import litert

WRITE = ("complete", "The", "--seed", "1", "--max-words", "5", "-m", "WORK")
EXACT = (*WRITE, "--precision", "exact")
SCORE = ("surprisal", "--text", "The cat sat.", "--engine", "session", "-m", "WORK")
MODEL = {
    "checkpoint": (WRITE, "ckpt-*"),
    "checkpoint, exact": (EXACT, "ckpt-*"),
    "checkpoint, session": (SCORE, "ckpt-*"),
    "converted": (WRITE, "litert-fast/*"),
    "converted, exact": (EXACT, "litert-exact/*"),
    "vocabulary": (WRITE, "vocab-*"),
    "graph": (SCORE, "graph-*"),
    "manifest": (WRITE, "model.toml"),
}
PACKED = WRITE[:-1]
TRAIN = ("--steps", "6", "--batch", "8", "--cells", "16", "--projection", "8", "--filters", "4,4,4,4,4,4,4,4")


def kinds(folder: Path, work: Path) -> dict[str, tuple]:
    """Kinds of files, each with a folder, a command, a pattern of the files in the folder, and LMGEN_HOME meanwhile."""
    home, archives, training = work / "home", work / "archives", work / "training"
    os.environ["LMGEN_HOME"] = str(home)
    litert.LEAST_BYTES = 0  # small models are packed too
    archives.mkdir()
    (work / "corpus.txt").write_text("one two three four five .\nsix seven eight nine ten .\n" * 300)
    assert outcome([*PACKED, str(folder), "-o", os.devnull])[0] == 0
    assert outcome(["models", "export", str(folder), "-o", str(archives / "model.tar")])[0] == 0
    assert outcome(["train", str(work / "corpus.txt"), "--out", str(training), *TRAIN])[0] == 0
    copy = work / "copy"
    return {name: (folder, command, pattern, home) for name, (command, pattern) in MODEL.items()} | {
        "packed weights": (home, (*PACKED, str(folder)), "packed/*/*", copy),
        "archive": (archives, ("models", "import", "WORK/model.tar", "--name", "taken"), "model.tar", copy / "taken"),
        "snapshot": (training, ("train", "--resume", "--out", "WORK"), "training/*.npz", home),
    }


def main() -> int:
    """Try kinds in turn until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--kind", action="append", help="of files, as the table has them (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end, seed, counts = time.monotonic() + 60 * options.minutes, options.seed, Counter()
    with tempfile.TemporaryDirectory() as work:
        places = {
            name: place for name, place in kinds(options.folder, Path(work)).items() if name in (options.kind or [name])
        }
        while time.monotonic() < end:
            name = list(places)[seed % len(places)]
            folder, command, pattern, home = places[name]
            os.environ["LMGEN_HOME"] = str(home)
            way = random.Random(seed).choice(WAYS)
            came, told = tried(folder, Path(work) / "copy", (command, pattern, way), seed)
            counts[name, came] += 1
            seed += 1
            if told:
                print(told, flush=True)
    print("| file | tries | refused | harmless | wrong |\n|:--|--:|--:|--:|--:|")
    for name in places:
        numbers = [counts[name, came] for came in ("refused", "harmless", "wrong")]
        print(f"| {name} | {sum(numbers)} | {' | '.join(map(str, numbers))} |")
    return 1 if any(came == "wrong" for _, came in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
