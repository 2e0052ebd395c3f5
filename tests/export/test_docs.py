"""The programs of docs/exports.md do what it says: they print the session's five most likely words."""

import contextlib
import functools
import http.server
import json
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


@contextlib.contextmanager
def serve(handler):
    """The address of a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def served(tmp_path):
    """The address of a folder, which is a page's."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_args):
            pass

    with serve(functools.partial(Quiet, directory=tmp_path)) as address:
        yield address


class Serving(http.server.BaseHTTPRequestHandler):
    """What TensorFlow Serving does with a request in columns: tensorflow/serving, g3doc/api_rest.md."""

    signature = None

    def do_POST(self):
        import tensorflow as tf

        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/models/mini:predict"
        assert set(request) == {"signature_name", "inputs"}
        wanted = self.signature.structured_input_signature[1]
        assert set(request["inputs"]) == set(wanted)
        given = {name: tf.constant(value, wanted[name].dtype) for name, value in request["inputs"].items()}
        assert all(wanted[name].shape.is_compatible_with(value.shape) for name, value in given.items())
        outputs = {name: value.numpy().tolist() for name, value in self.signature(**given).items()}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"outputs": outputs}).encode())

    def log_message(self, *_args):
        pass


@pytest.fixture
def serving(tmp_path):
    """The address of a server of the version 1 of a model."""
    import tensorflow as tf

    folder = tmp_path / "serving" / "mini"
    folder.mkdir(parents=True)
    export_model(find("mini"), "savedmodel", "float32", folder / "1")
    loaded = tf.saved_model.load(str(folder / "1"), tags=["serve"])
    handler = type("Handler", (Serving,), {"signature": loaded.signatures["serving_default"]})
    with serve(handler) as address:
        yield address


def test_the_python_programs_print_what_is_likely(tmp_path, monkeypatch, capsys, expected, serving):
    monkeypatch.chdir(tmp_path)
    export_model(find("mini"), "onnx", "float32", tmp_path / "mini-onnx")
    names = {}
    for program in programs("python"):
        program = program.replace("http://localhost:8501/", serving)
        exec(compile(program, "exports.md", "exec"), names)  # noqa: S102 (our own text)

    assert capsys.readouterr().out.split("\n") == [*expected, *expected, "(1, 30008)", ""]


def test_the_signature_of_a_savedmodel_is_what_the_page_says(tmp_path, serving):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((tmp_path / "serving" / "mini" / "1" / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    signature = graph.signature_def["serving_default"]
    shapes = {
        name: (tensor.dtype, [size.size for size in tensor.tensor_shape.dim])
        for part in (signature.inputs, signature.outputs)
        for name, tensor in part.items()
    }

    floats, ints, state = 1, 3, [-1, 1280]
    assert list(graph.meta_info_def.tags) == ["serve"]
    assert signature.method_name == "tensorflow/serving/predict"
    assert shapes == {
        "characters": (ints, [-1, 50]),
        "logits": (floats, [-1, 30008]),
        **{name: (floats, state) for name in ("state_0", "state_1", "new_state_0", "new_state_1")},
    }


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
