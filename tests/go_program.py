"""The Go program, built and run, and compared with lmgen."""

import csv
import importlib.util
import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from lmgen.generation import Generation, Sampling, Word, generate_all

from conftest import ROOT, Result, load

GO, CC = shutil.which("go"), shutil.which("gcc")
ENVIRONMENT = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "local"}
CGO = {**ENVIRONMENT, "CGO_ENABLED": "1"}
PACKAGE = Path(importlib.util.find_spec("tensorflow").origin).parent
TENSORFLOW = PACKAGE / "libtensorflow_cc.so.2"
WITH_HEADERS = {**CGO, "CGO_CFLAGS": f"-I{PACKAGE / 'include'}"}
EDGE = 1e-6
"""A draw nearer to the edge of a word's interval may take its neighbour: float32 sums differ by their order."""


def built(path, *options, environment=ENVIRONMENT):
    command = [GO, "build", *options, "-o", path, "./cmd/lmgen-go"]
    subprocess.run(command, cwd=ROOT / "go", env=environment, check=True)
    return path


def started(command, stdin=None, cwd=None, **environment):
    """A command, run to its end."""
    environment = {**os.environ, **environment}
    command = [str(word) for word in command]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment, cwd=cwd)
    return Result(done.returncode, done.stdout, done.stderr)


def rows(result):
    assert result.exit_code == 0, result.err
    return list(csv.DictReader(io.StringIO(result.out), delimiter="\t"))


def one_line(result, exit_code, message):
    assert (result.out, result.exit_code, result.err.count("\n")) == ("", exit_code, 1)
    assert message in result.err


def check_same_words(run, folder):
    """Ten texts. A draw may fall on the other side of an edge only if it is within EDGE of it; there the texts part."""
    model = load(folder, "session")
    defaults = model.files.defaults
    sampling = Sampling(temperature=defaults.temperature, top_p=defaults.top_p)
    for seed in (0, 7):
        wanted = Generation(samples=5, max_words=40, seed=seed, sampling=sampling)
        options = ("-n", 5, "--seed", seed, "--max-words", 40, "--format", "jsonl", "--audit", "-m", folder)
        ours = words_of_samples(generate_all(model, [(["The"], wanted)]))
        result = run("complete", "The", *options)
        assert result.exit_code == 0, result.err
        draws = draws_of_samples(result.err)
        assert draws.keys() == ours.keys() == set(range(5))
        for sample in ours:
            check_same_text(ours[sample], draws[sample])


def words_of_samples(events):
    """{sample: its words}."""
    found = {}
    for event in events:
        if isinstance(event, Word):
            found.setdefault(event.sample, []).append(event.text)
    return found


def draws_of_samples(audit):
    """{sample: its draws}, of what `--audit` prints."""
    found = {}
    for draw in csv.DictReader(io.StringIO(audit), delimiter="\t", quoting=csv.QUOTE_NONE):
        found.setdefault(int(draw["sample"]), []).append(draw)
    return found


def check_same_text(words, draws):
    for word, draw in zip(words, draws, strict=False):
        if word != draw["word"]:
            point, low, high = (float(draw[column]) for column in ("draw", "low", "high"))
            assert min(abs(point - low), abs(point - high)) < EDGE
            return
    assert len(draws) - len(words) in (0, 1)  # the end of the sentence is a draw too


def check_same_probabilities(run, lmgen, folder, text):
    """Log-probabilities to 1e-5 of those of the session."""
    arguments = ("surprisal", "--text", text, "-m", folder)
    ours, its = rows(lmgen(*arguments, "--engine", "session")), rows(run(*arguments))

    assert [row["token"] for row in its] == [row["token"] for row in ours]
    for column, tolerance in {"logprob": 1e-5, "entropy": 1e-4}.items():
        both = (np.array([float(row[column]) for row in some]) for some in (ours, its))
        np.testing.assert_allclose(*both, atol=tolerance, rtol=0)
