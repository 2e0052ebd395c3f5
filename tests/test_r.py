"""The page for R: its commands are run by Rscript, where it is installed."""

import csv
import re
import shutil
import subprocess

import numpy as np
import pytest

from conftest import ROOT

OWN, STORIES = (ROOT / "docs" / "guides" / "r.md").read_text().split("\n## The Natural Stories corpus\n")
needs_r = pytest.mark.skipif(not shutil.which("Rscript"), reason="apt install r-base-core")


def shown(section):
    """The command of a section, and its program in R."""
    [command] = re.findall(r"^lmgen (.*)$", section, re.MULTILINE)
    [program] = re.findall(r"```r\n(.*?)```", section, re.DOTALL)
    return command.split(), program


def printed_by_r(program):
    return subprocess.run(["Rscript", "-"], input=program, text=True, capture_output=True, check=True).stdout


def slopes_of(printed):
    """{name: estimate} of a table of coefficients."""
    lines = map(str.split, printed.splitlines())
    return {line[0]: float(line[1]) for line in lines if len(line) == 5}


@needs_r
def test_r_joins_surprisals_to_reading_times_and_fits_them(lmgen, tiny_folder, tmp_path, monkeypatch):
    """The times are made of the surprisals, so the slopes that R must find are known."""
    monkeypatch.chdir(tmp_path)
    texts = ["the cat, sat", 'the "sat" the cat', "cat the zork", "sat the cat the"] * 5
    with open("items.csv", "w", newline="") as file:
        csv.writer(file).writerows([("item", "sentence"), *enumerate(texts, 1)])
    command, program = shown(OWN)
    assert lmgen(*command, "-m", tiny_folder, "--engine", "session").exit_code == 0
    with open("surprisals.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    noise = np.random.default_rng(0).normal(0, 0.1, len(rows))
    with open("times.csv", "w", newline="") as file:
        lines = (
            (
                row["item"],
                row["word_id"],
                1,
                200 + 10 * float(row["surprisal"]) + 3 * float(row["surprisal_lag1"] or 0) + more,
            )
            for row, more in zip(rows, noise, strict=True)
        )
        csv.writer(file).writerows([("item", "word_id", "subject", "time"), *lines])

    slopes = slopes_of(printed_by_r(program))

    assert slopes["surprisal"] == pytest.approx(10, abs=0.3)
    assert slopes["surprisal_lag1"] == pytest.approx(3, abs=0.3)


@needs_r
def test_natural_stories_as_published_are_joined_to_their_reading_times(lmgen, tiny_folder, tmp_path, monkeypatch):
    """Stories of our own in the form of all_stories.tok and processed_RTs.tsv; times are made of the surprisals."""
    monkeypatch.chdir(tmp_path)
    stories = [("the cat's “sat”, cat the. Sat the cat the zork's cat. " * 6).split(), ["the", "sat,", "cat."] * 9]
    rows = [(word, zone, item) for item, words in enumerate(stories, 1) for zone, word in enumerate(words, 1)]
    with open("all_stories.tok", "w") as file:
        file.writelines("\t".join(map(str, row)) + "\n" for row in [("word", "zone", "item"), *rows])
    command, program = shown(STORIES)
    assert lmgen(*command, "-m", tiny_folder, "--engine", "session").exit_code == 0
    with open("stories.csv", newline="") as file:
        scores = list(csv.DictReader(file))
    assert [(row["word"], int(row["zone"]), int(row["item"])) for row in scores] == rows

    rng = np.random.default_rng(0)
    with open("processed_RTs.tsv", "w") as file:
        file.write("WorkerId\titem\tzone\tRT\tword\n")
        for row in scores:
            known = 5.5 + 0.04 * float(row["surprisal"]) + 0.02 * float(row["surprisal_lag1"] or 0)
            for worker, noise in enumerate(rng.normal(0, 0.002, 3)):
                time = np.exp(known - 0.001 * int(row["zone"]) + noise)
                file.write(f"w{worker}\t{row['item']}\t{row['zone']}\t{time}\t{row['word']}\n")
    printed = printed_by_r(program)

    slopes = slopes_of(printed)
    assert float(printed.split()[1]) > 0.3
    assert slopes["surprisal"] == pytest.approx(0.04, abs=0.002)
    assert slopes["surprisal_lag1"] == pytest.approx(0.02, abs=0.002)
    assert slopes["zone"] == pytest.approx(-0.001, abs=0.0003)
