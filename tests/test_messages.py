"""Every message with which lmgen refuses something, in one table for review: tests/golden/messages.txt."""

import ast
import re

import pytest

from lmgen import errors

from conftest import ROOT

SOURCE = ROOT / "src" / "lmgen"
FAMILY = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.LmgenError)
}


def wording(node):
    """What a text will be, its parts that are computed in braces; None where nothing of it stands in the source."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(wording(part) or "" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    if isinstance(node, ast.BinOp):
        sides = wording(node.left), wording(node.right)
        return "".join(side or "{…}" for side in sides) if any(sides) else None
    if isinstance(node, ast.IfExp):
        sides = wording(node.body), wording(node.orelse)
        return " / ".join(side or "{…}" for side in sides) if any(sides) else None
    return None


def messages(source):
    """(exit code, message) of each refusal that a module words itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = ast.unparse(node.func).rpartition(".")[2]
            text = wording(node.args[0]) if name in FAMILY else None
            if text:
                yield FAMILY[name], text


def every_message():
    return {
        path.relative_to(SOURCE).as_posix(): found
        for path in sorted(SOURCE.rglob("*.py"))
        if (found := sorted(set(messages(path.read_text()))))
    }


def test_the_table_of_messages_is_what_it_was(golden):
    """`make golden` rewrites the table; its diff is to be read."""
    parts = [
        f"{module}\n" + "".join(f"{code:>4}  {text}\n" for code, text in found)
        for module, found in every_message().items()
    ]

    golden("messages.txt", "\n".join(parts))


def test_each_message_is_one_line_without_a_full_stop():
    texts = [text for found in every_message().values() for _, text in found]

    assert len(texts) > 150
    assert [text for text in texts if "\n" in text or re.search(r"(?<!\.)\.$", text)] == []


@pytest.mark.parametrize(
    "source, found",
    [
        ('raise UsageError("give a name")', [(2, "give a name")]),
        (
            'raise MissingError(f"{path} is not here: {len(x)} of {n:,}") from e',
            [(3, "{path} is not here: {len(x)} of {n}")],
        ),
        ('return errors.DeviceError("no device " + name)', [(6, "no device {…}")]),
        ("raise UsageError(message)", []),
        ('raise ValueError("a mistake of the program")', []),
    ],
)
def test_a_message_is_found_with_its_exit_code(source, found):
    assert list(messages(source)) == found
