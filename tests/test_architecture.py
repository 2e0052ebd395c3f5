"""The order of DESIGN: a module may import only modules above it."""

import ast

from conftest import ROOT

ORDER = """
errors checksums events vocabulary tokenizer manifest store extents fetch download archive placement model
network plain graph layout weights definition checkpoint session original
quiet
template converted packed convert kept litert samplers screening rows exact pytorch
engines
constraints sampling generate beam statistics selftest
scoring distribution evaluation choices
contenders workers bench
corpus batches trainer train png summaries curves
records prompts sentences tables output formats lmzoo
measuring heatmap hparams slots runs child writer recording projector board
draft turn saved settings repl commands terminal
api cli __main__
""".split()
TENSORFLOW = {"network", "plain", "graph", "layout", "checkpoint", "session", "original", "convert", "trainer"}
SOURCE = ROOT / "src" / "lmgen"


def imports(path):
    """Names of everything a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if module != "__init__":
            yield module, path


def test_every_module_has_its_place():
    assert {module for module, _ in modules()} == set(ORDER)


def test_a_module_imports_only_modules_above_it():
    wrong = [
        (module, name)
        for module, path in modules()
        for name in imports(path)
        if name.startswith("lmgen.") and (other := name.split(".")[1]) != module
        if other not in ORDER[: ORDER.index(module)]
    ]

    assert wrong == []


def test_tensorflow_is_imported_only_where_it_is_needed():
    found = {module for module, path in modules() for name in imports(path) if name.startswith("tensorflow")}

    assert found == TENSORFLOW


def test_rich_is_known_to_the_edge_alone():
    found = {module for module, path in modules() for name in imports(path) if name.startswith("rich")}

    assert found == {"output", "cli"}
