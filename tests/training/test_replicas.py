"""Two real processes that train one model together, on this machine."""

import json
import os
import signal
import socket
import time

import numpy as np
import pytest

from conftest import start_lmgen

SMALL = [
    *("--window", 3, "--batch", 8, "--projection", 16, "--cells", 16, "--filters", "2,2,2,2,2,2,2,2"),
    *("--candidates", 16, "--frequent", 8, "--precision", "float32"),
]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    lines = (" ".join(f"n{(start + step) % 50}" for step in range(12)) for start in range(300))
    path.write_text("\n".join(lines))
    return path


def free_ports(count):
    """Some that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_two(*arguments):
    """The processes of a training, the chief first."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    for index in (0, 1):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        yield start_lmgen("train", *arguments, "--distribute", env={**os.environ, "TF_CONFIG": json.dumps(config)})


def differences(one, other):
    """The largest between the snapshots of two trainings: of weights, slots and states."""
    stored = [np.load(folder / "training" / "snapshot.npz") for folder in (one, other)]
    return max(np.abs(stored[0][name] - stored[1][name]).max() for name in stored[0].files if name != "facts")


def test_two_processes_train_what_one_does_and_one_continues_what_two_began(lmgen, text, tmp_path):
    chief, other = start_two(text, *SMALL, "--out", tmp_path / "two", "--steps", 20)
    assert lmgen("train", text, *SMALL, "--out", tmp_path / "one", "--steps", 20).exit_code == 0

    assert (chief.wait(120), other.wait(120)) == (0, 0)
    assert chief.stdout.read().decode().startswith(f"{tmp_path / 'two'}: validation perplexity")
    assert other.stdout.read() == other.stderr.read() == b""
    assert differences(tmp_path / "one", tmp_path / "two") < 1e-5
    for folder in ("one", "two"):
        assert lmgen("train", "--resume", "--out", tmp_path / folder, "--steps", 30).exit_code == 0
    assert differences(tmp_path / "one", tmp_path / "two") < 1e-5


def until_snapshot(folder, processes):
    """Wait for a snapshot that was not there."""
    while not (folder / "training" / "snapshot.npz").exists():
        assert all(process.poll() is None for process in processes), [process.stderr.read() for process in processes]
        time.sleep(0.05)


def test_one_that_is_killed_ends_the_other_and_one_that_is_asked_to_end_both(text, tmp_path):
    often = ("--steps", 100_000, "--snapshot-minutes", 0.01)
    processes = list(start_two(text, *SMALL, "--out", tmp_path / "x", *often))
    until_snapshot(tmp_path / "x", processes)
    processes[1].kill()
    _, err = processes[0].communicate(timeout=60)

    assert processes[0].returncode == 1
    assert err.decode() == "lmgen: another process of this training has gone: start all again with --resume\n"

    before = (tmp_path / "x" / "training" / "snapshot.npz").stat().st_mtime_ns
    processes = list(start_two("--resume", "--out", tmp_path / "x"))
    while (tmp_path / "x" / "training" / "snapshot.npz").stat().st_mtime_ns == before:
        assert all(process.poll() is None for process in processes), [process.stderr.read() for process in processes]
        time.sleep(0.05)
    processes[1].send_signal(signal.SIGTERM)
    ends = [process.communicate(timeout=60)[1].decode() for process in processes]

    assert [process.returncode for process in processes] == [130, 143]
    assert ends == [f"to continue: lmgen train --resume --out {tmp_path / 'x'}\nlmgen: stopped\n"] * 2


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        ("{", ("--distribute",), "TF_CONFIG is not JSON"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', ("--distribute",), "has not"),
        (None, ("--distribute",), "neither TF_CONFIG nor a Slurm step"),
        (None, ("--distribute", "slurm"), "neither TF_CONFIG nor a Slurm step"),
        (None, ("--reduce-precision", "bfloat16"), "add --distribute"),
    ],
)
def test_who_takes_part_must_be_known(lmgen, text, tmp_path, monkeypatch, config, options, message):
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    refused = lmgen("train", text, "--out", tmp_path / "x", "--steps", 1, *options)

    assert refused.exit_code == 2
    assert message in refused.err
    assert not (tmp_path / "x").exists()
