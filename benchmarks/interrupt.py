"""End or hinder every command that writes at random moments: signals, a full disk, no stderr, a reader that goes.

    python benchmarks/interrupt.py [--moments 50] [--minutes 600] [--seed 0] [COMMAND ...]

Each command writes a file or a folder of its own. A complaint is another exit code than the documented one, a traceback, not one
line that says what happened, a file left under another name than its own or NAME.partial, or a part that is no beginning of the
whole. A table is printed; exit code 1 if there is any complaint.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from interruption import WAYS, Command, trial, unhindered

SENTENCE = "The old man said that the boat was his , and that nobody had asked him for it .\n"
MINI = Path(__file__).resolve().parents[1] / "models" / "mini"
REGIONS = [(kind, number, words) for kind in "ab" for number, words in ((1, "The cat"), (2, f"sat on {kind}"))]
PAIRS = "sentence_good\tsentence_bad\n" + "The cats sit.\tThe cats sits.\n" * 20


def commands(work: Path) -> dict[str, Command]:
    """All that write, by their names, with inputs that take them a second or so."""
    text, pairs, corpus, words = (work / name for name in ("text.txt", "pairs.tsv", "corpus.txt", "words.txt"))
    text.write_text(SENTENCE * 30)
    pairs.write_text(PAIRS)
    corpus.write_text("one two three four five .\nsix seven eight nine ten .\n" * 400)
    words.write_text("\n".join("the of and to a in that is was he for it with as his on be at by".split()))
    return {
        **writing(),
        **scoring(str(text)),
        "choose": Command(("choose", "-f", str(pairs), "-o", "OUT"), True),
        "syntaxgym": Command(("syntaxgym", _suite(work), "--of", "regions", "-o", "OUT"), True),
        **vectors(str(text), str(words)),
        **models(_plain(work), str(corpus)),
    }


def writing() -> dict[str, Command]:
    """Commands that complete a prefix."""
    prefixes = ("complete", "The old man", "-n", "40", "--seed", "1", "--ignore-eos", "--max-words", "9")
    return {
        "complete": Command((*prefixes, "-o", "OUT"), True),
        "complete to .jsonl.gz": Command((*prefixes, "-o", "OUT"), True, "out.jsonl.gz"),
        "complete --board": Command((*prefixes, "--board", "OUT")),
    }


def scoring(text: str) -> dict[str, Command]:
    """Commands that score a text: into a file, a folder, by several processes."""
    table = ("surprisal", text, "-o", "OUT")
    return {
        "surprisal": Command(table, True),
        "surprisal to .parquet": Command(table, name="out.parquet"),
        "surprisal --workers": Command((*table, "--workers", "2"), True),
        "surprisal --resume": Command((*table, "--resume"), True),
        "surprisal to a folder": Command((*table[:3], "OUT/", "--format", "tsv"), name="out"),
        "score": Command(("score", text, "-o", "OUT"), True),
        "score --workers": Command(("score", text, "-o", "OUT", "--workers", "2"), True),
        "next": Command(("next", "The old", "--full", "-o", "OUT"), True),
        "eval": Command(("eval", text, "-o", "OUT")),
        "eval --picture": Command(("eval", text, "--calibration", "--picture", "OUT"), name="out.png"),
        "predictions": Command(("predictions", text, "-o", "OUT"), name="out.hdf5"),
    }


def vectors(text: str, words: str) -> dict[str, Command]:
    """Commands that write vectors, in each format."""
    formats = {"tsv": True, "jsonl": True, "npy": False, "npz": False}
    embed = ("embed", text, "-o", "OUT")
    return {
        **{f"embed to .{end}": Command(embed, growing, f"out.{end}") for end, growing in formats.items()},
        "embed --workers": Command((*embed, "--workers", "2"), name="out.npz"),
        "embed to .vec": Command(("embed", words, "--of", "word", "-o", "OUT"), name="out.vec"),
        "board-vectors": Command(("board-vectors", "OUT", "-w", words)),
    }


def models(plain: Path, corpus: str) -> dict[str, Command]:
    """Commands that make a model's files."""
    sizes = ("--steps", "6", "--batch", "8", "--cells", "16", "--projection", "8", "--filters", "4,4,4,4,4,4,4,4")
    return {
        "export": Command(("export", "mini", "-o", "OUT")),
        "models export": Command(("models", "export", "mini", "-o", "OUT")),
        "convert": Command(("convert", "OUT"), origin=plain),
        "train": Command(("train", corpus, "--out", "OUT", *sizes)),
    }


def _plain(work: Path) -> Path:
    """The embedded model without converted files."""
    return Path(shutil.copytree(MINI, work / "plain", ignore=shutil.ignore_patterns("litert-*")))


def _suite(work: Path) -> str:
    """A suite of many equal items, in SyntaxGym's CSV."""
    heads = "suite,item_number,condition_name,region_number,content"
    rows = [f"s,{item},{kind},{number},{words}" for item in range(1, 30) for kind, number, words in REGIONS]
    (work / "suite.csv").write_text("\n".join([heads, *rows]) + "\n")
    return str(work / "suite.csv")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commands", nargs="*")
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=600, help="no command is begun after them")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong: list[str] = []
    end = time.monotonic() + 60 * options.minutes
    print("| command | " + " | ".join(WAYS) + " |\n|:--|" + "--:|" * len(WAYS))
    with tempfile.TemporaryDirectory() as work:
        for name, command in commands(Path(work)).items():
            if options.commands and name not in options.commands:
                continue
            if time.monotonic() > end:
                print(f"| {name} | not tried |")
                continue
            whole = unhindered(command)
            cells = []
            for way in WAYS:
                seeds = range(options.seed, options.seed + options.moments)
                complaints = [trial(command, way, whole, seed) for seed in seeds]
                found = [f"{name}, {complaint}" for complaint in complaints if complaint]
                wrong += found
                for complaint in found:
                    print(complaint, file=sys.stderr, flush=True)
                cells.append(f"{len(found)} of {len(seeds)}")
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
