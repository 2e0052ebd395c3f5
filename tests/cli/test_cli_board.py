"""TensorBoard itself, started by `lmgen serve-board`."""

import base64
import http.client
import json
import os
import signal
import socket
import time
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import serving_board, start_lmgen


@pytest.fixture(scope="module")
def runs(writer_folder, tmp_path_factory):
    from lmgen.cli import main

    folder = tmp_path_factory.mktemp("runs")
    assert main(["complete", "-m", str(writer_folder), "the cat", "--seed", "1", "--board", str(folder)]) == 0
    return folder


def get(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read().decode()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def test_it_answers_at_the_address_it_prints_and_leaves_no_child(runs):
    with serving_board(runs) as (address, process):
        assert address.startswith("http://127.0.0.1:")
        assert "<title>TensorBoard</title>" in get(address)
        until = time.monotonic() + 60
        while not (tags := json.loads(get(f"{address}data/plugin/scalars/tags"))):
            assert time.monotonic() < until
        assert "word/surprisal" in next(iter(tags.values()))
        left = children(process.pid)
        assert left
    assert process.returncode == 130
    assert process.stderr.read() == b"lmgen: stopped\n"
    until = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in left):
        assert time.monotonic() < until


def test_an_empty_folder_is_told_and_how_to_fill_it(tmp_path):
    with serving_board(tmp_path) as (_, process):
        assert process.stderr.readline().decode().startswith(f"{tmp_path} has no runs yet: lmgen complete --board")


def test_without_a_folder_it_looks_where_board_writes(tmp_path):
    with serving_board() as (address, _):
        where = json.loads(get(f"{address}data/environment"))["data_location"]

    assert where == str(tmp_path / "home" / "state" / "board")


def test_a_browser_is_opened_if_asked(runs, tmp_path, monkeypatch):
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    with serving_board(runs, "--open") as (address, _):
        until = time.monotonic() + 30
        while not (tmp_path / "opened").exists() or not (tmp_path / "opened").read_text():
            assert time.monotonic() < until

    assert (tmp_path / "opened").read_text() == f"{address}newest\n"


def test_others_than_this_machine_are_warned_of(tmp_path):
    with serving_board(tmp_path, "--host", "0.0.0.0") as (_, process):
        assert b"warning: anyone who reaches 0.0.0.0" in process.stderr.readline()


def test_a_port_in_use_is_one_line(runs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start_lmgen("serve-board", runs, "--port", port)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, b"")
    assert err.decode() == f"lmgen: port {port} is in use: choose another, or leave --port out\n"


def test_a_missing_folder_is_one_line(lmgen, tmp_path):
    result = lmgen("serve-board", tmp_path / "absent")

    assert (result.exit_code, result.out) == (3, "")
    assert result.err.startswith(f"lmgen: there is no folder {tmp_path / 'absent'}: lmgen complete --board")


def test_a_host_that_is_not_here_is_one_line(runs):
    process = start_lmgen("serve-board", runs, "--host", "192.0.2.1", "--port", 0)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, b"")
    assert err == b"lmgen: TensorBoard cannot listen at 192.0.2.1: try --host 127.0.0.1\n"


def ask(address, host):
    """The status and place that are answered to a request under a name."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    connection.request("GET", where.path, headers={"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.headers["Location"]


def test_only_names_of_this_machine_are_answered(runs):
    """A page of another site, whose name was made to mean this machine, could read the runs else."""
    with serving_board(runs) as (address, _):
        own = [
            ask(address, host)[0] for host in ("localhost:6006", "127.0.0.1", "[::1]:6006", "LOCALHOST", "localhost.")
        ]
        foreign = [ask(address, host)[0] for host in ("evil.example", "localhost.evil.example", "192.0.2.1", "[", "")]

    assert (own, foreign) == ([200] * 5, [403] * 5)


def test_a_board_for_others_answers_to_its_names_and_addresses(tmp_path):
    with serving_board(tmp_path, "--host", "0.0.0.0") as (address, _):
        address = address.replace("0.0.0.0", "127.0.0.1").replace(socket.gethostname(), "127.0.0.1")
        answers = [ask(address, host)[0] for host in (socket.gethostname(), "192.0.2.1", "evil.example")]

    assert answers == [200, 200, 403]


def test_short_addresses_lead_to_single_runs(runs, tmp_path):
    [run] = [path.name for path in runs.iterdir()]
    with serving_board(runs) as (address, _):
        newest, named, unknown = (ask(address + path, "localhost") for path in ("newest", f"run/{run}", "run/none"))
    with serving_board(tmp_path) as (address, _):
        empty = ask(f"{address}newest", "localhost")

    assert newest == named == unknown
    assert newest[0] == 302
    where = urlsplit(newest[1])
    query, fragment = parse_qs(where.query), parse_qs(where.fragment)
    assert query["smoothing"] == ["0"]
    assert query["runFilter"] == fragment["regexInput"] == [f"^{run}(/|$)"]
    tags = [pin["tag"] for pin in json.loads(query["pinnedCards"][0])]
    assert tags[:2] == ["softmax/most_likely", "word/surprisal"]
    assert json.loads(base64.b64decode(fragment["runSelectionState"][0])) == {run: True}
    assert empty == (302, "/")


def test_a_run_that_is_written_while_a_board_runs_is_told_with_its_address(lmgen, writer_folder, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    with serving_board(folder) as (address, _):
        told = lmgen("complete", "-m", writer_folder, "the cat", "--board", folder).err
    after = lmgen("complete", "-m", writer_folder, "the cat", "--board", folder).err

    first, second = sorted(folder.iterdir(), key=lambda run: run.stat().st_mtime)
    assert told == f"for TensorBoard: {first} ({address}run/{first.name})\n"
    assert after == f"for TensorBoard: {second} (lmgen serve-board {folder})\n"


def test_complete_opens_what_it_wrote_and_stays(writer_folder, tmp_path, monkeypatch):
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    process = start_lmgen("complete", "the cat", "-m", writer_folder, "--board", tmp_path / "runs", "--open")
    process.stdout.readline()
    address = process.stdout.readline().decode()
    until = time.monotonic() + 30
    while not (tmp_path / "opened").exists() or not (tmp_path / "opened").read_text():
        assert time.monotonic() < until
    process.send_signal(signal.SIGINT)

    assert process.wait(30) == 130
    assert (tmp_path / "opened").read_text() == address
    assert address.endswith("/newest\n")


def test_to_open_needs_something_that_was_written(lmgen, writer_folder):
    result = lmgen("complete", "-m", writer_folder, "the cat", "--open")

    assert (result.exit_code, result.out) == (2, "")
    assert result.err == "lmgen: --open shows what --board writes: give --board too\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_and_further_ones_change_nothing(runs, number, code):
    with serving_board(runs) as (_, process):
        process.send_signal(number)
        for _ in range(20):
            time.sleep(0.01)
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        assert process.wait(10) == code
        assert process.stderr.read() == b"lmgen: stopped\n"


def test_a_folder_that_is_none_is_one_line(lmgen, tmp_path):
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "state").write_text("in the way")
    (tmp_path / "file").write_text("")

    for arguments, place in (([], tmp_path / "home" / "state" / "board"), ([tmp_path / "file"], tmp_path / "file")):
        result = lmgen("serve-board", *arguments)
        assert (result.exit_code, result.out) == (3, "")
        assert result.err == f"lmgen: cannot read {place}: Not a directory\n"
