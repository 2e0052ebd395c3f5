"""The commands, as `lmgen --help` groups them: where each is, and what it does in a line.

They stand here, and not at the commands, so that `lmgen --help` need not import them all.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """Where a command is, and its line."""

    module: str
    """Of `lmgen.cli`."""
    name: str
    help: str


SECTIONS = {
    "Generate": {
        "complete": Place("complete", "complete", "Continue a prefix, word by word."),
        "repl": Place("repl", "repl", "Write together with the model: undo, branch, choose words."),
        "serve": Place("serve", "serve_command", "Serve models over HTTP, in the form of OpenAI's API."),
    },
    "Score": {
        "surprisal": Place("surprisal", "surprisal", "Print the surprisal of every word."),
        "score": Place("score", "score_command", "Score whole sentences."),
        "choose": Place("choose", "choose", "Choose the more likely sentence."),
        "syntaxgym": Place("syntaxgym", "syntaxgym", "Test a model's syntax on SyntaxGym's suites."),
        "next": Place("next", "next_command", "Show the exact distribution of the next word."),
        "eval": Place("eval", "evaluate", "Measure the perplexity of a text."),
        "predictions": Place("lmzoo", "predictions", "Write the whole distribution at every token."),
        "tokenize": Place("lmzoo", "tokenize_command", "Split sentences into a model's tokens."),
        "unkify": Place("lmzoo", "unkify", "Print which tokens are outside the vocabulary."),
        "spec": Place("lmzoo", "spec", "Print lm-zoo's specification of a model."),
    },
    "Vectors": {
        "embed": Place("embed", "embed_command", "Write vectors of words, tokens or sentences."),
        "neighbours": Place("embed", "neighbours", "List the words nearest to a word, or to a sum of words."),
    },
    "Models": {
        "models": Place("models", "models", "List, verify, move and remove models."),
        "download": Place("download", "download", "Download a model and verify it."),
        "convert": Place("convert", "convert", "Convert a model for the fast engine."),
        "export": Place("export", "export_command", "Write a model for ONNX Runtime, TensorFlow or a browser."),
        "cache": Place("cache", "cache", "List and clear what was made of models."),
    },
    "TensorBoard": {
        "serve-board": Place("board", "serve_board", "Start TensorBoard on runs."),
        "board-vectors": Place("board", "board_vectors", "Write word vectors for TensorBoard's projector."),
    },
    "Train and measure": {
        "train": Place("train", "train", "Train a model on your text."),
        "bench": Place("bench", "bench_command", "Measure a model's speed."),
    },
    "About lmgen": {
        "version": Place("version", "version", "Print the versions of lmgen and of what it runs on."),
    },
}
"""The sections of `lmgen --help`."""
COMMANDS = {name: place for section in SECTIONS.values() for name, place in section.items()}
