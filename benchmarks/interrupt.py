"""End or hinder every command that writes at random moments: signals, a full disk, no stderr, a reader that goes.

    python benchmarks/interrupt.py [--moments 50] [--seed 0] [COMMAND ...]

Each command writes a file or a folder of its own. A complaint is another exit code than the documented one, a traceback, not one
line that says what happened, a file left under another name than its own or NAME.partial, or a part that is no beginning of the
whole. A table is printed; exit code 1 if there is any complaint.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from interruption import WAYS, Command, trial, unhindered

SENTENCE = "The old man said that the boat was his , and that nobody had asked him for it .\n"
PAIRS = "sentence_good\tsentence_bad\n" + "The cats sit.\tThe cats sits.\n" * 20


def commands(work: Path) -> dict[str, Command]:
    """All that write, by their names, with inputs that take them a second or so."""
    text, pairs, corpus, words = (work / name for name in ("text.txt", "pairs.tsv", "corpus.txt", "words.txt"))
    text.write_text(SENTENCE * 30)
    pairs.write_text(PAIRS)
    corpus.write_text("one two three four five .\nsix seven eight nine ten .\n" * 400)
    words.write_text("\n".join("the of and to a in that is was he for it with as his on be at by".split()))
    own = ("--out", "OUT", "--steps", "6", "--batch", "8", "--cells", "16", "--projection", "8")
    return {
        "complete": Command(("complete", "-f", str(text), "--seed", "1", "-o", "OUT", "--max-words", "9"), True),
        "complete --board": Command(("complete", "The", "-n", "8", "--seed", "1", "--ignore-eos", "--board", "OUT")),
        "surprisal": Command(("surprisal", str(text), "-o", "OUT"), True),
        "score": Command(("score", str(text), "-o", "OUT"), True),
        "next": Command(("next", "The old", "--full", "-o", "OUT"), True),
        "choose": Command(("choose", "-f", str(pairs), "-o", "OUT"), True),
        "eval": Command(("eval", str(text), "-o", "OUT")),
        "predictions": Command(("predictions", str(text), "-o", "OUT")),
        "embed": Command(("embed", str(text), "-o", "OUT", "--format", "tsv"), True),
        "board-vectors": Command(("board-vectors", "OUT", "-w", str(words))),
        "models export": Command(("models", "export", "mini", "-o", "OUT")),
        "train": Command(("train", str(corpus), *own, "--filters", "4,4,4,4,4,4,4,4")),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commands", nargs="*")
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong: list[str] = []
    print("| command | " + " | ".join(WAYS) + " |\n|:--|" + "--:|" * len(WAYS))
    with tempfile.TemporaryDirectory() as work:
        for name, command in commands(Path(work)).items():
            if options.commands and name not in options.commands:
                continue
            whole = unhindered(command)
            cells = []
            for way in WAYS:
                seeds = range(options.seed, options.seed + options.moments)
                complaints = [trial(command, way, whole, seed) for seed in seeds]
                found = [f"{name}, {complaint}" for complaint in complaints if complaint]
                wrong += found
                cells.append(f"{len(found)} of {len(seeds)}")
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
