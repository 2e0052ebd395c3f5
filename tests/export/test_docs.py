"""The programs of docs/exports.md do what it says: they print the session's five most likely words."""

import functools
import http.server
import re
import threading

import pytest

from lmgen.export.export import export_model
from lmgen.model import read
from lmgen.softmax import most_likely
from lmgen.store.library import find

from conftest import ROOT, load, needs_chromium

MODULES = ROOT / "tests" / "export" / "browser" / "node_modules"
PAGE = """<!doctype html><meta charset="utf-8"><script type="importmap">{"imports": {
"onnxruntime-web": "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
"@litertjs/core": "./node_modules/@litertjs/core/dist/index.js",
"@litertjs/wasm-utils": "./node_modules/@litertjs/wasm-utils/dist/index.js"}}</script>
<script>addEventListener("error", e => document.body.textContent = "failed: " + e.message);
addEventListener("unhandledrejection", e => document.body.textContent = "failed: " + e.reason)</script><body>
"""
"""Before the module of a program."""


def programs(language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "exports.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def expected():
    session = load("mini", "session")
    logits = session.logits(read(session, "The president said that".split()).state)[0]
    return [session.vocabulary.word(index) for index in most_likely(logits, 5)]


@pytest.fixture
def served(tmp_path):
    """The address of a folder, which is a page's."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_the_python_program_prints_what_is_likely(tmp_path, monkeypatch, capsys, expected):
    monkeypatch.chdir(tmp_path)
    export_model(find("mini"), "onnx", "float32", tmp_path / "mini-onnx")
    export_model(find("mini"), "savedmodel", "float32", tmp_path / "mini-savedmodel")
    names = {}
    for program in programs("python"):
        exec(compile(program, "exports.md", "exec"), names)  # noqa: S102 (our own text)

    assert capsys.readouterr().out.split("\n") == [*expected, "(1, 30008)", ""]


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize(("number", "form"), [(0, "onnx"), (1, "litert-web")])
@pytest.mark.skipif(not MODULES.exists(), reason="npm install --ignore-scripts --prefix tests/export/browser")
def test_the_programs_for_browsers_show_what_is_likely(tmp_path, served, browser, expected, number, form):
    from selenium.webdriver.support.ui import WebDriverWait

    export_model(find("mini"), form, "float32", tmp_path / f"mini-{form}")
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "index.html").write_text(f'{PAGE}<script type="module">{programs("js")[number]}</script>')
    browser.get(served)
    shown = WebDriverWait(browser, 60).until(lambda page: page.find_element("tag name", "body").text)

    assert shown.split() == expected
