"""The rules of the house: what may import what, what a wing shows, and how large anything is."""

import ast
import importlib
import subprocess
import sys

import pytest

from conftest import ROOT

ORDER = """
errors child softmax text display checkpoint store model engines export generation scoring items embeddings workers training pictures board
given api repl bench server cli __main__
""".split()
"""A wing, or a file beside them, imports only those before it."""
WINGS = "text checkpoint store engines export generation scoring items embeddings workers training pictures board repl bench server".split()
SOURCE = ROOT / "src" / "lmgen"
TENSORFLOW = {
    "bench.original",
    "checkpoint.graph",
    "checkpoint.network",
    "checkpoint.writer",
    "engines.session",
    "export.savedmodel",
    "export.templates",
    "training.cluster",
    "training.network",
    "training.replicas",
    "training.run",
    "training.optimizers",
    "training.trainer",
}
TORCH, ONNX = {"bench.pytorch"}, {"export.onnx"}
DOORS = {"repl", "bench", "server", "cli", "__main__"}
EDGE = {"click", "rich"}
WEB = {"starlette", "uvicorn", "msgspec", "prometheus_client"}
TENSORS = {"training.network"}
"""TensorFlow's gradients of our own take every tensor as a parameter."""
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS, MOST_FILES = 350, 45, 5, 12
MOST_ENTERED = 12


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        yield ".".join(path.relative_to(SOURCE).with_suffix("").parts), path


def wing_of(module):
    return module.split(".")[0]


def imported(path):
    """(module, names) of everything a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", [alias.name for alias in node.names]


def test_every_wing_has_its_place():
    assert {wing_of(module) for module, _ in modules()} - {"__init__"} == set(ORDER)


def test_imports_run_one_way():
    wrong = [
        (module, other)
        for module, path in modules()
        for other, _ in imported(path)
        if other.startswith("lmgen.") and module != "__init__"
        if ORDER.index(other.split(".")[1]) > ORDER.index(wing_of(module))
    ]

    assert wrong == []


def test_other_wings_are_known_by_their_faces():
    """What a wing needs of another is named in that wing's `__init__`, and is taken from there."""
    wrong = []
    for module, path in modules():
        for other, names in imported(path):
            parts = other.split(".")
            if parts[0] == "lmgen" and len(parts) > 1 and parts[1] in WINGS and parts[1] != wing_of(module):
                listed = importlib.import_module(f"lmgen.{parts[1]}").__all__
                wrong += [(module, other, name) for name in names if len(parts) > 2 or name not in listed]

    assert wrong == []


@pytest.mark.parametrize("wing", WINGS)
def test_a_face_shows_only_what_others_take(wing):
    taken = {
        name
        for module, path in modules()
        for other, names in imported(path)
        if other == f"lmgen.{wing}" and wing_of(module) != wing
        for name in names
    }
    face = importlib.import_module(f"lmgen.{wing}")

    assert sorted(face.__all__) == sorted(taken)
    assert all(hasattr(face, name) for name in face.__all__)


BLOCKED = """
import importlib, sys
blocked = set(sys.argv[1].split(","))
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
sys.meta_path.insert(0, Blocker())
for module in sys.argv[2:]:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in blocked:
            print(module)
"""


def need(blocked, names):
    """Those modules that cannot be imported where others are not installed: what is imported on the way counts."""
    command = [sys.executable, "-c", BLOCKED, ",".join(blocked), *(f"lmgen.{name}" for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.removeprefix("lmgen.") for name in done.stdout.split()}


@pytest.mark.parametrize(
    ("blocked", "expected"),
    [(["tensorflow"], TENSORFLOW), (["onnx", "torch"], ONNX | TORCH)],
    ids=["tensorflow", "onnx or torch"],
)
def test_a_heavy_library_is_needed_only_where_it_is_used(blocked, expected):
    names = [module for module, _ in modules() if not module.endswith(("__init__", "__main__"))]

    assert need(blocked, names) == expected


def test_the_terminal_is_known_to_the_doors_alone():
    names = [module for module, _ in modules() if not module.endswith("__init__") and wing_of(module) not in DOORS]

    assert need(EDGE, names) == set()


def test_what_serves_is_known_to_the_server_alone():
    names = [module for module, _ in modules() if not module.endswith("__init__")]

    assert {wing_of(module) for module in need(WEB, names)} <= {"server"}


def test_a_wing_has_few_files():
    counts = {wing: sum(wing_of(module) == wing for module, _ in modules()) - 1 for wing in WINGS}

    assert {wing: count for wing, count in counts.items() if count > MOST_FILES} == {}


def test_files_and_functions_can_be_read_at_once():
    long = []
    for module, path in modules():
        text = path.read_text()
        long += [module] if text.count("\n") > LONGEST_FILE else []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= LONGEST_FUNCTION:
                long.append(f"{module}.{node.name}")

    assert long == []


def test_a_function_takes_few_values():
    """Options of a command are Click's, and stand beside its parameters."""
    many = []
    for module, path in modules():
        if module in TENSORS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                count = len([name for name in names if name not in ("self", "cls")])
                many += [f"{module}.{node.name}: {count}"] if count > MOST_PARAMETERS else []

    assert many == []


def test_a_model_is_opened_by_few_files():
    """All whose functions run, once their modules are imported and the model's files are known to be whole."""
    import lmgen

    entered = set()

    def enter(frame, event, _value):
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(SOURCE)):
            entered.add(path)

    lmgen.load("mini")
    sys.setprofile(enter)
    try:
        lmgen.load("mini")
    finally:
        sys.setprofile(None)

    assert 1 < len(entered) <= MOST_ENTERED, sorted(entered)
