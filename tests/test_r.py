"""The page for R: its commands are run by Rscript, where it is installed."""

import csv
import re
import shutil
import subprocess

import numpy as np
import pytest

from conftest import ROOT

PAGE = (ROOT / "docs" / "guides" / "r.md").read_text()


@pytest.mark.skipif(not shutil.which("Rscript"), reason="apt install r-base-core")
def test_r_joins_surprisals_to_reading_times_and_fits_them(lmgen, tiny_folder, tmp_path, monkeypatch):
    """The times are made of the surprisals, so the slopes that R must find are known."""
    monkeypatch.chdir(tmp_path)
    texts = ["the cat, sat", 'the "sat" the cat', "cat the zork", "sat the cat the"] * 5
    with open("items.csv", "w", newline="") as file:
        csv.writer(file).writerows([("item", "sentence"), *enumerate(texts, 1)])
    [command] = re.findall(r"^lmgen (.*)$", PAGE, re.MULTILINE)
    assert lmgen(*command.split(), "-m", tiny_folder, "--engine", "session").exit_code == 0
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
    [program] = re.findall(r"```r\n(.*?)```", PAGE, re.DOTALL)

    printed = subprocess.run(["Rscript", "-"], input=program, text=True, capture_output=True, check=True).stdout

    slopes = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines()[1:]}
    assert slopes["surprisal"] == pytest.approx(10, abs=0.3)
    assert slopes["surprisal_lag1"] == pytest.approx(3, abs=0.3)
