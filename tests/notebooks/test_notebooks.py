"""The notebooks run from top to bottom and show what they say. `--golden` writes their outputs into them."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from conftest import ROOT

for module in ("nbclient", "nbformat", "ipykernel", "matplotlib", "pandas"):
    pytest.importorskip(module, reason="pip install 'lmgen[notebook]'")

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = ROOT / "notebooks"


@pytest.fixture
def run(tmp_path, monkeypatch, request):
    """Execute a notebook in a folder of its own, by this Python; its cells."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("LMGEN_GO", str(ROOT / "go"))

    def execute(name):
        for path in NOTEBOOKS.iterdir():
            if path.is_file():
                shutil.copy(path, tmp_path)
        notebook = nbformat.read(tmp_path / name, 4)
        notebook.cells = [cell for cell in notebook.cells if shutil.which("go") or "%%go" not in cell.source]
        resources = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=300, resources=resources, record_timing=False).execute()
        if request.config.getoption("--golden"):
            nbformat.write(notebook, NOTEBOOKS / name)
        return notebook.cells

    return execute


def shown(cells, kind):
    """All outputs of a kind, by the first line of their cells."""
    return {
        cell.source.splitlines()[0]: output.data[kind]
        for cell in cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if kind in output.get("data", {})
    }


def test_the_game_generates_plots_colours_and_trains(run):
    pytest.importorskip("tensorflow")
    cells = run("game.ipynb")
    pictures, pages, texts = (shown(cells, kind) for kind in ("image/png", "text/html", "text/plain"))

    assert len(pictures) == 2
    assert "<ol><li>I love that I" in pages["lm.sample(prefix, samples=5, temperature=0.7, seed=5)"]
    assert "rank 1" in pages["lm.distribution(prefix)"]
    assert "surprisal" in pages['lm.surprisal("""The horse raced past the barn fell.']
    assert "four five six seven eight nine" in texts['counter = lmgen.load("counter")']
    if shutil.which("go"):
        [program] = [cell for cell in cells if cell.source.startswith("%%go")]
        assert re.match(r"seven +0\.9", program.outputs[0].text)


def test_psycholinguists_get_a_row_for_every_word(run, tmp_path):
    import pandas

    cells = run("surprisal.ipynb")
    table = pandas.read_csv(tmp_path / "words.csv")

    assert len(table) == sum(len(sentence.split()) for sentence in table["sentence"].unique())
    assert list(table["word"][:4]) == ["The", "lawyer", "accepted", "the"]
    critical = table[table["word"] == "was"].groupby("condition")["surprisal"].mean()
    assert critical["ambiguous"] > critical["with that"]
    assert len(shown(cells, "image/png")) == 1
