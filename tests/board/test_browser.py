"""What a user of `lmgen serve-board` sees, in a real browser. Screenshots are left in artefacts/."""

import shutil
import time

import pytest

from conftest import ROOT, needs_chromium, serving_board

PATIENCE = 20
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
        ("images", ["softmax/most_likely", "softmax/step", "softmax/whole", "text/surprisal", "image 300 wide"]),
        ("graphs", ["lstm", "char_embedding", "softmax_out", "Reshape_3"]),
        ("histograms", ["logprobs/model", "logprobs/sampled", "lstm_0/cells"]),
        ("distributions", ["logprobs/sampled"]),
        ("text", ["text/continuation", "text/prefix", "The president said", "step 0"]),
        ("hparams", ["prompt", "The president said", "seed", "mean surprisal, bits", "0.70000"]),
        ("projector", ["Points: 2000", "Dimension: 256", "input", "metadata.tsv"]),
    ],
)
def test_a_tab_shows_what_was_written(board, browser, tab, expected):
    shown = visit(browser, board, tab, expected)
    folder = ROOT / "artefacts"
    folder.mkdir(exist_ok=True)
    browser.save_screenshot(str(folder / f"{tab}.png"))

    assert [text for text in expected if text not in shown] == []


PINNED = """
    const found = [];
    document.querySelectorAll('metrics-pinned-view-component card-view').forEach(card => {
        const image = card.querySelector('img');
        const size = image && [image.naturalWidth, image.naturalHeight];
        const shown = image && [image.getBoundingClientRect().width, image.getBoundingClientRect().height];
        found.push([card.innerText.split('\\n').slice(0, 2).join(''), size, shown]);
    });
    return found;
"""
"""Cards on top: their tags, and the sizes of their pictures, as they are and as they are shown."""


def test_the_newest_run_is_shown_alone_of_many_as_it_is(board_of_many, browser):
    """TensorBoard itself ticks none of more than 40 runs, smooths curves, and shrinks large pictures."""
    address, newest = board_of_many
    browser.get("about:blank")
    browser.get(f"{address}newest")
    wanted = ["softmax/most_likely", "word/surprisal", "softmax/step", "text/surprisal"]
    expected = [[300, 215], None, [300, 215], [300, 215]]
    cards = until(lambda: browser.execute_script(PINNED), lambda cards: [card[2] for card in cards] == expected)
    time.sleep(1)  # for curves to be drawn
    (ROOT / "artefacts").mkdir(exist_ok=True)
    browser.save_screenshot(str(ROOT / "artefacts" / "newest.png"))

    assert [card[0] for card in cards] == wanted
    assert [card[1] for card in cards] == [card[2] for card in cards] == expected
    table = browser.execute_script("return document.querySelector('runs-data-table').innerText")
    assert newest in table
    assert "other-" not in table
    assert browser.execute_script("return document.querySelector('.slider-input').value") == "0"  # smoothing


@pytest.mark.parametrize("tab", ["SCALARS", "IMAGES", "TEXT"])
def test_the_other_tabs_show_the_newest_run_alone_too(board_of_many, browser, tab):
    address, newest = board_of_many
    browser.get("about:blank")
    browser.get(f"{address}newest")
    found = f"return [...document.querySelectorAll('.mat-mdc-tab')].find(tab => tab.innerText.trim() == '{tab}')"
    until(lambda: browser.execute_script(found), bool).click()
    shown = until(lambda: browser.execute_script(ALL_TEXT), lambda shown: shown.count(newest) > 1)

    assert shown.count(newest) > 1
    assert "other-" not in shown


def test_the_tab_of_vectors_is_there_at_once(tmp_path, browser):
    from lmgen.cli import main

    assert main(["board-vectors", str(tmp_path), "--top", "50"]) == 0
    with serving_board(tmp_path) as (address, _):
        browser.get(f"{address}newest")
        expected = ["Points: 50", "Dimension: 256"]
        shown = until(lambda: browser.execute_script(ALL_TEXT), lambda shown: all(text in shown for text in expected))

    assert [text for text in expected if text not in shown] == []


@pytest.fixture(scope="module")
def board_of_many(tmp_path_factory):
    """The address of 45 runs, and the newest one's name."""
    from lmgen.cli import main

    folder = tmp_path_factory.mktemp("many")
    assert main(["complete", "The old man", "--seed", "1", "--max-words", "9", "--board", str(folder)]) == 0
    [first] = folder.iterdir()
    for number in range(44):
        shutil.copytree(first, folder / f"other-{number}")
    assert main(["complete", "The president said", "--seed", "3", "--max-words", "16", "--board", str(folder)]) == 0
    [newest] = folder.glob("the-president-said-seed-3-*")
    with serving_board(folder) as (address, _):
        yield address, newest.name


def until(look, enough):
    """Look again and again until it is enough, or for a while; returns what was seen last."""
    end = time.monotonic() + PATIENCE
    while not enough(seen := look()) and time.monotonic() < end:
        time.sleep(0.2)
    return seen


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
