"""The process that writes runs: started early, taken, or not."""

from lmgen.board import launch as child
from lmgen.cli import main


def test_a_process_that_was_started_early_is_taken():
    child.start_early()
    taken = child.take()
    child.dismiss()

    assert taken.process.poll() is None
    assert taken.close() == (False, b"")


def test_a_process_is_started_where_none_was():
    taken = child.take()

    assert taken.close() == (False, b"")


def test_a_command_that_is_refused_leaves_no_process(tmp_path, monkeypatch, capfd):
    started, start = [], child._start
    monkeypatch.setattr(child, "_start", lambda: started.append(start()) or started[-1])

    code = main(["complete", "The", "--board", str(tmp_path), "--top-p", "7"])

    assert code == 2
    assert [one.process.returncode for one in started] == [0]


def test_memory_that_has_no_name_is_had_on_any_system(monkeypatch):
    monkeypatch.delattr("os.memfd_create")
    taken = child.take()

    assert taken.close() == (False, b"")
