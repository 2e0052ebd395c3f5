"""What a user of `lmgen serve-board` sees, in a real browser. Screenshots are left in artefacts/."""

import time

import pytest

from conftest import ROOT, needs_chromium, serving_board

PATIENCE = 60
pytestmark = [pytest.mark.browser, needs_chromium]
ALL_TEXT = """
    const shown = [];
    (function visit(node) {
        if (!node) return;
        if (node.nodeType === Node.TEXT_NODE) shown.push(node.data);
        if (node.tagName === 'STYLE' || node.tagName === 'SCRIPT') return;
        if (node.tagName === 'IFRAME') visit(node.contentDocument && node.contentDocument.body);
        if (node.tagName === 'IMG' && node.naturalWidth) shown.push(`image ${node.naturalWidth} wide`);
        if (node.shadowRoot) visit(node.shadowRoot);
        node.childNodes.forEach(visit);
    })(document.body);
    return shown.join(' ').replace(/\\s+/g, ' ');
"""
"""Text of the page, through shadow roots and frames; and the widths of pictures that were loaded."""


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Two runs of the default model, and its most frequent words' vectors."""
    from lmgen.cli import main

    folder = str(tmp_path_factory.mktemp("runs"))
    command = ["complete", "The president said", "--seed", "3", "--max-words", "16", "--board", folder]
    assert main([*command, "--board-histograms"]) == 0
    assert main([*command, "--temperature", "0.7"]) == 0
    assert main(["board-vectors", folder, "--top", "2000"]) == 0
    with serving_board(folder) as (address, _):
        yield address


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("scalars", ["softmax/top_1000", "softmax/entropy", "word/surprisal", "word/perplexity"]),
        ("custom_scalars", ["surprisal and entropy, bits", "mass of the most likely words"]),
        ("images", ["softmax/most likely", "image 1008 wide"]),
        ("graphs", ["lstm", "char_embedding", "softmax_out", "Reshape_3"]),
        ("histograms", ["logprobs/model", "logprobs/sampled", "lstm_0/cells"]),
        ("distributions", ["logprobs/sampled"]),
        ("text", ["text/continuation", "text/prefix", "The president said", "step 0"]),
        ("hparams", ["temperature", "top_k", "mean surprisal, bits", "0.70000"]),
        ("projector", ["Points: 2000", "Dimension: 256", "input", "metadata.tsv"]),
    ],
)
def test_a_tab_shows_what_was_written(board, browser, tab, expected):
    shown = visit(browser, board, tab, expected)
    folder = ROOT / "artefacts"
    folder.mkdir(exist_ok=True)
    browser.save_screenshot(str(folder / f"{tab}.png"))

    assert [text for text in expected if text not in shown] == []


def test_the_sampled_words_are_shown(board, browser, lmgen):
    written = lmgen("complete", "The president said", "--seed", 3, "--max-words", 16, "--no-echo").out.strip()

    assert written in visit(browser, board, "text", [written])


def visit(browser, address, tab, expected):
    """Open a tab and wait until it shows what is expected; returns all it shows."""
    browser.get("about:blank")
    browser.get(f"{address}#{tab}")
    until = time.monotonic() + PATIENCE
    while True:
        shown = browser.execute_script(ALL_TEXT)
        if all(text in shown for text in expected) or time.monotonic() > until:
            time.sleep(1)  # for animations to end before the screenshot
            return shown
        time.sleep(0.2)
