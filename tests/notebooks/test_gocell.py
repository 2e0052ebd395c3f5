"""`%%go`: a cell is a Go program, and what Go says against it is the cell's error."""

import shutil
import sys

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "notebooks"))
import gocell

PROGRAM = """package main

import (
	"fmt"
	"os"

	"lmgen.dev/go/lm"
)

func main() {
	fmt.Println(os.Args[1:], lm.Tokenize("The cat."))
	os.Exit(len(os.Args) - 3)
}
"""
pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed")


def test_a_program_runs_with_the_line_s_arguments(capsys):
    gocell.go("one 'two words'", PROGRAM)

    assert capsys.readouterr().out == "[one two words] [The cat .]\n"


def test_a_program_that_fails_is_the_cell_s_error(capsys):
    with pytest.raises(gocell.GoError, match="ended with exit code 1"):
        gocell.go("one two three", PROGRAM)
    assert capsys.readouterr().out.startswith("[one two three]")


def test_what_the_compiler_says_is_the_cell_s_error():
    with pytest.raises(gocell.GoError, match=r"main\.go:12:2: undefined: nothing"):
        gocell.go("", PROGRAM.replace("os.Exit(len(os.Args) - 3)", "nothing()"))


def test_without_go_it_says_so(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)

    with pytest.raises(gocell.GoError, match="Go is not installed"):
        gocell.go("", PROGRAM)
