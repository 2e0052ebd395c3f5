"""The weights of a run as a model folder in the released layout."""

import argparse
import json
from pathlib import Path

import numpy as np

from lmgen.checkpoint import Defaults, Manifest, Shape, write_model
from lmgen.text import Vocabulary


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name in ("--data", "--run", "--out"):
        options.add_argument(name, type=Path, required=True)
    given = options.parse_args()
    words = (given.data / "vocabulary.txt").read_text("utf-8").splitlines()
    facts = json.loads((given.run / "facts.json").read_text())
    with np.load(given.run / "weights.npz") as stored:
        weights = {name: (stored[name].astype(np.uint32) << 16).view(np.float32) for name in stored.files}
    cells, projection = weights["lstm/lstm_0/W_P"].shape
    manifest = Manifest(
        name=given.out.name,
        description="Small general English: encyclopaedia, speeches, fiction, dialogue.",
        licence="CC-BY-SA-4.0",
        shape=Shape(projection=projection, cells=cells, rows=len(weights["softmax/W"])),
        words=len(words),
        context="sentence",
        generation=Defaults(temperature=0.7, top_p=0.95),
        training=facts,
    )
    given.out.mkdir(parents=True, exist_ok=True)
    write_model(given.out, manifest, Vocabulary(words), weights, facts["steps"])


if __name__ == "__main__":
    main()
