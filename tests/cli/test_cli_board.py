"""TensorBoard itself, started by `lmgen serve-board`."""

import json
import os
import socket
import time
import urllib.request

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

    assert (tmp_path / "opened").read_text() == f"{address}\n"


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
