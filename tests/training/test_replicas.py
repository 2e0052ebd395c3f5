"""Two real processes that train one model together, on this machine."""

import json
import os
import signal
import socket
import subprocess
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


def test_two_devices_train_what_one_does_and_one_continues_what_two_began(lmgen, text, tmp_path):
    two = start_lmgen(
        "train", text, *SMALL, "--out", tmp_path / "two", "--steps", 20, "--device", "cpu", "--device", "cpu"
    )
    assert lmgen("train", text, *SMALL, "--out", tmp_path / "one", "--steps", 20).exit_code == 0

    out, err = two.communicate(timeout=120)
    assert two.returncode == 0
    assert err.count(b"\n") == err.count(b"validation perplexity") == 1  # one process speaks
    assert out.decode().startswith(f"{tmp_path / 'two'}: validation perplexity")
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


def test_slurm_s_variables_say_who_takes_part(monkeypatch):
    """Two tasks on each of two machines, none of which has nvidia-smi."""
    from lmgen.training.cluster import _cluster

    slurm = {"STEP_NODELIST": "node[1-2]", "STEP_TASKS_PER_NODE": "2(x2)", "STEP_NUM_TASKS": "4", "PROCID": "3"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)

    spec, kind, index = _cluster("auto")

    assert spec.as_dict() == {"worker": ["node1:8888", "node1:8889", "node2:8888", "node2:8889"]}
    assert (kind, index) == ("worker", 3)


def test_a_process_that_ends_at_once_does_not_keep_the_others_waiting(text, tmp_path):
    process = start_lmgen("train", text, "--out", tmp_path, "--steps", 1, "--device", "cpu", "--device", "cpu")
    while not (others := children(process.pid, "spawn_main")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    os.kill(others[0], signal.SIGKILL)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert err.decode() == "lmgen: a process of this training was ended as it started (exit code -9)\n"


def children(parent, doing):
    """The processes that another one started, whose command says so."""
    rows = subprocess.run(["ps", "-wweo", "pid,ppid,args"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = [row.split(None, 2) for row in rows.splitlines()[1:]]
    return [int(pid) for pid, ppid, command in found if int(ppid) == parent and doing in command]


@pytest.mark.parametrize(("devices", "code"), [(("gpu:9",), 6), (("cpu", "gpu:9"), 6), (("tpu",), 2)])
def test_a_device_that_is_not_there_is_refused(lmgen, text, tmp_path, devices, code):
    options = [part for device in devices for part in ("--device", device)]

    refused = lmgen("train", text, "--out", tmp_path / "x", "--steps", 1, *options)

    assert refused.exit_code == code
    assert devices[-1] in refused.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        ("{", ("--distribute",), "TF_CONFIG is not JSON"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', ("--distribute",), "has not"),
        (None, ("--distribute",), "neither TF_CONFIG nor a Slurm step"),
        (None, ("--distribute", "slurm"), "neither TF_CONFIG nor a Slurm step"),
        (None, ("--reduce-precision", "bfloat16"), "add --distribute"),
        (None, ("--distribute", "--device", "cpu", "--device", "cpu"), "start a process for each"),
    ],
)
def test_who_takes_part_must_be_known(lmgen, text, tmp_path, monkeypatch, config, options, message):
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    refused = lmgen("train", text, "--out", tmp_path / "x", "--steps", 1, *options)

    assert refused.exit_code == 2
    assert message in refused.err
    assert not (tmp_path / "x").exists()
