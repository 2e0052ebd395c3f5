"""`lmgen repl` as it is used: in a real terminal, and with lines piped in."""

import os
import signal
import subprocess
import sys

import pexpect
import pyte
import pytest

from conftest import start_lmgen

PATIENCE = 120


class Terminal:
    """A REPL in a pseudo-terminal, and the screen its user sees: so high that it never scrolls."""

    def __init__(self, *arguments, home):
        self.screen, self._prompt = pyte.Screen(140, 300), "> "
        self._stream = pyte.Stream(self.screen)
        environment = {**os.environ, "TERM": "xterm-256color", "LMGEN_HOME": str(home), "LANG": "C.UTF-8"}
        command = ["-m", "lmgen", "repl", *map(str, arguments)]
        self.process = pexpect.spawn(
            sys.executable, command, env=environment, dimensions=(300, 140), encoding="utf-8", timeout=PATIENCE
        )
        self.until("> ")

    @property
    def lines(self):
        """What stands on the screen, down to the cursor."""
        return [line.rstrip() for line in self.screen.display[: self.screen.cursor.y + 1]]

    def until(self, last, below=-1):
        """Read what the program writes until the cursor is behind `last`, in a row below another."""
        while not (self.screen.cursor.y > below and self.before_cursor == last):
            self.show_more()

    def show_more(self):
        piece = self.process.read_nonblocking(4096, PATIENCE)
        self._stream.feed(piece)
        if "\x1b[6n" in piece:  # it asks where the cursor is, as terminals answer
            self.process.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")

    @property
    def before_cursor(self):
        return self.screen.display[self.screen.cursor.y][: self.screen.cursor.x]

    def type(self, keys, shown=None):
        """Press keys, and wait until they are shown after the prompt."""
        self.process.send(keys)
        self.until(self._prompt + (keys if shown is None else shown))

    def enter(self, prompt="> "):
        """Press Enter; returns what is written before the next prompt."""
        row = self.screen.cursor.y
        self.process.send("\r")
        self.until(prompt, below=row)
        self._prompt = prompt
        return self.lines[row + 1 : -1]

    def tell(self, line, prompt="> "):
        """Type a line; returns the answer."""
        self.type(line)
        return self.enter(prompt)

    def end(self):
        """The exit code, once it has left."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        return self.process.exitstatus


MODEL = ["--seed", 1, "--max-words", 6, "--ignore-eos"]


@pytest.fixture(scope="module")
def shared(writer_folder, tmp_path_factory):
    started = Terminal("-m", writer_folder, *MODEL, home=tmp_path_factory.mktemp("home"))
    yield started
    started.process.close(force=True)


@pytest.fixture
def terminal(shared):
    """A terminal with an empty line and no text, for tests that do not leave it."""
    shared.type("\x15", "")
    shared.tell("/new")
    return shared


@pytest.fixture
def spawn(writer_folder, tmp_path):
    started = []

    def start(*arguments):
        started.append(Terminal("-m", writer_folder, *MODEL, *arguments, home=tmp_path / "home"))
        return started[-1]

    yield start
    for terminal in started:
        terminal.process.close(force=True)


def test_a_session_with_undo_alt_fork_save_and_load(terminal, tmp_path):
    [whole] = terminal.tell("the cat")
    assert whole.startswith("the cat ")
    assert len(whole.split()) == 8

    assert terminal.tell("/undo") == ["the cat"]
    rows = terminal.tell("/next 3")
    picked = rows[1].split()[1]
    assert terminal.tell("/pick 2") == [f"the cat {picked}"]

    [row] = terminal.tell("/alt 1")
    assert row.split()[0] == picked
    other = row.split()[row.split().index("5") + 1]
    assert terminal.tell("/pick 5") == [f"the cat {other}"]

    assert terminal.tell("/fork side", prompt="side> ") == [f"the cat {other}"]
    [on] = terminal.tell("sat", prompt="side> ")
    assert on.startswith("sat ")
    assert terminal.tell(f"/save {tmp_path}/it", prompt="side> ") == []
    assert terminal.tell("/new", prompt="side> ") == []
    assert terminal.tell("/text", prompt="side> ") == [""]
    assert terminal.tell(f"/load {tmp_path}/it", prompt="side> ") == [f"the cat {other} {on}"]
    assert terminal.tell("/fork main") == [f"the cat {other}"]
    assert terminal.tell("/forks")[0].split()[:2] == ["*", "main"]

    assert terminal.tell("/udno") == ["lmgen: there is no command /udno: do you mean /undo?"]


def test_enter_goes_on_and_lines_can_be_many(terminal):
    terminal.type("the cat\\")
    terminal.process.send("\r")
    terminal.until(". ")
    terminal.process.send("sat\x1b\r")  # Alt-Enter
    terminal.until(". ", below=terminal.screen.cursor.y)
    terminal.process.send("£")
    terminal.until(". £")

    [whole] = terminal.enter()
    [more] = terminal.enter()
    assert whole.startswith("the cat sat £")
    assert terminal.tell("/text") == [f"{whole} {more}"]


def test_tab_completes_frequent_words_first_commands_and_their_arguments(terminal):
    terminal.type("the c\t", "the cat")
    terminal.type("\x15", "")
    terminal.type("word\t1\t", "word1")  # word1 is a word, and so are word10 to word19
    terminal.type("\x15", "")
    terminal.type("/surp\t", "/surprisal")
    terminal.type("\x15", "")
    terminal.type("/set top-n\t", "/set top-n-sigma")


def test_ctrl_r_finds_what_was_typed_in_an_earlier_session(spawn, tmp_path):
    first = spawn()
    first.tell("the cat")
    first.process.send("\x04")
    assert first.end() == 0
    assert "+the cat" in (tmp_path / "home" / "state" / "history").read_text()

    again = spawn()
    again.process.send("\x12")
    again.until("(reverse-i-search)`")
    again.process.send("ca")
    again.until("(reverse-i-search)`ca")
    assert again.lines[-1] == "(reverse-i-search)`ca': the cat"


def test_without_history_nothing_is_kept(spawn, tmp_path):
    terminal = spawn("--no-history")
    terminal.tell("the cat")
    terminal.process.send("/quit\r")

    assert terminal.end() == 0
    assert not (tmp_path / "home" / "state").exists()


def test_ctrl_c_stops_the_writing_and_keeps_it_then_leaves_with_130(spawn):
    terminal = spawn("--max-words", 1_000_000, "--color-by", "surprisal")
    terminal.type("the cat")
    row = terminal.screen.cursor.y
    terminal.process.send("\r")
    while len(" ".join(terminal.lines[row + 1 :]).split()) < 10:
        terminal.show_more()
    terminal.process.send("\x03")
    terminal.until("> ", below=row + 1)

    assert len(" ".join(terminal.tell("/text")).split()) > 10
    assert terminal.tell("/undo")[-1:] == ["the cat"]
    terminal.process.send("\x03")
    terminal.until("> ", below=terminal.screen.cursor.y)
    terminal.process.send("\x03")
    assert terminal.end() == 130


def press_ctrl_c(terminal):
    terminal.process.send("\x03")
    terminal.until("> ", below=terminal.screen.cursor.y)


def test_ctrl_c_drops_a_typed_line_however_often_and_keeps_the_text(spawn):
    terminal = spawn("--max-words", 3)
    written = terminal.tell("the cat")
    for _ in range(3):
        terminal.type("half a li")
        press_ctrl_c(terminal)
    press_ctrl_c(terminal)  # on an empty line: asked whether it is meant
    terminal.type("no")
    press_ctrl_c(terminal)

    assert terminal.tell("/text") == written


def test_ctrl_z_gives_the_shell_back(writer_folder, tmp_path):
    environment = {**os.environ, "TERM": "dumb", "LMGEN_HOME": str(tmp_path), "PS1": "shell$ "}
    shell = pexpect.spawn("bash", ["--norc", "-i"], env=environment, encoding="utf-8", timeout=60)
    shell.sendline(f"{sys.executable} -m lmgen repl -m {writer_folder}")
    shell.expect("/help lists.*> ")
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.sendline("fg")
    shell.send("/quit\r")
    shell.expect_exact("shell$ ")
    shell.close(force=True)


def test_sigterm_ends_it_while_it_waits(spawn):
    terminal = spawn()
    terminal.process.kill(signal.SIGTERM)

    assert terminal.end() == 128 + signal.SIGTERM


def test_what_is_piped_in_is_done_line_by_line_without_control_characters(writer_folder, tmp_path):
    command = ["repl", "-m", writer_folder, "--seed", 1, "--max-words", 4, "--ignore-eos", "--color-by", "surprisal"]
    process = start_lmgen(*command, stdin=-1)
    out, err = process.communicate(b"the cat\n/undo\n/next 2\nthe\\\ncat\n\n/quit\nno more\n")
    lines = out.decode().splitlines()

    assert (process.returncode, err) == (0, b"")
    assert not any(ord(letter) < 32 for line in lines for letter in line)
    assert lines[0].startswith("the cat ")
    assert lines[1] == "the cat"
    assert [line.split()[0] for line in lines[2:4]] == ["1", "2"]
    assert lines[5].startswith("the cat ")
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("lines", "exit_code", "message"),
    [
        (b"/load absent\nthe cat\n", 3, "lmgen: there is no file absent"),
        (b"/set top-p 2\nthe cat\n", 2, "lmgen: top-p must be above 0 and at most 1, not 2.0"),
        (b"the \xff\n", 2, "lmgen: line 1 on stdin is not UTF-8 text: see byte 5"),
    ],
)
def test_piped_lines_end_with_the_first_that_cannot_be_done(
    lmgen, writer_folder, tmp_path, monkeypatch, lines, exit_code, message
):
    (tmp_path / "lines").write_bytes(lines)
    with open(tmp_path / "lines") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        result = lmgen("repl", "-m", writer_folder)

    assert result == (exit_code, "", f"{message}\n")


def test_a_byte_order_mark_before_piped_lines_is_no_word(writer_folder):
    process = start_lmgen("repl", "-m", writer_folder, "--seed", 1, stdin=subprocess.PIPE)
    out, err = process.communicate(b"\xef\xbb\xbfthe cat\n")

    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"the cat")


def test_a_last_line_that_wants_another_is_not_lost(writer_folder):
    process = start_lmgen("repl", "-m", writer_folder, "--seed", 1, stdin=subprocess.PIPE)
    out, err = process.communicate(b"the cat\\")

    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"the cat")
