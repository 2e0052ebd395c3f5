"""Who trains together: processes that know of each other by TF_CONFIG or by Slurm, or one for each device of this machine."""

import json
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

import tensorflow as tf

from lmgen.child import end_with_parent
from lmgen.errors import DeviceError, LmgenError, UsageError
from lmgen.training.replicas import SIGNALS, Replicas

Cluster = tuple[Any, str, int]
"""The addresses of all processes, and this one's kind and number."""


def join(how: str | None, precision: str, device: str | None = None) -> Replicas:
    """Wait for all processes, before TensorFlow does anything else.

    Args:
      how: None to train alone; `tf-config` by the variable TF_CONFIG, as Kubernetes' operators set it; `slurm` by those of
        a Slurm step; `auto` by whichever there is.
      precision: see `Replicas`.
      device: where this process computes, `cpu` or `gpu:N`; None for a GPU, if there is one.

    Raises UsageError where the variables do not say who takes part, DeviceError where there is no such device.
    """
    gpus = _use(device)
    return _joined(_cluster(how), gpus, precision) if how else Replicas()


def join_here(devices: Sequence[str], precision: str, follow: Callable[[str], None]) -> Replicas:
    """Start a process of this machine for each device but the first, which this process takes, and wait for them.

    Args:
      follow: what such a process does, given its device: `join("tf-config", …)`, and train.

    Raises DeviceError where a device is absent, LmgenError where a process ends at once.
    """
    gpus = [_use(device) for device in reversed(devices)][-1]
    addresses, context = _free_addresses(len(devices)), multiprocessing.get_context("spawn")
    started = []
    for index, device in enumerate(devices[1:], 1):
        ours, theirs = context.Pipe(duplex=False)
        arguments = follow, device, _config(addresses, index), theirs
        process = context.Process(target=_follow, args=arguments, daemon=True)
        process.start()
        started.append((process, ours))
    for process, ready in started:
        if ready not in wait([ready, process.sentinel]):
            process.join()
            raise LmgenError(f"a process of this training was ended as it started (exit code {process.exitcode})")
    return _joined((tf.train.ClusterSpec({"worker": addresses}), "worker", 0), gpus, precision)


def _config(addresses: list[str], index: int) -> str:
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def _follow(follow: Callable[[str], None], device: str, config: str, ready: Connection) -> None:
    """The life of a process that `join_here` starts."""
    end_with_parent()
    os.environ["TF_CONFIG"] = config
    ready.send(True)  # whoever ends before this does not keep the others waiting
    follow(device)


def _free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def _use(device: str | None) -> int:
    """Hide the GPUs that this process does not use; returns how many it uses, 0 or 1."""
    gpus = tf.config.list_physical_devices("GPU")
    kind, _, number = (device or f"gpu:{os.environ.get('SLURM_LOCALID', '0')}").lower().partition(":")
    place = int(number or 0)
    if device and kind == "gpu" and place >= len(gpus):
        there = ", ".join(["cpu:0", *(f"gpu:{place}" for place in range(len(gpus)))])
        raise DeviceError(f"there is no device {device} here, only {there}")
    chosen = [gpus[place % len(gpus)]] if gpus and kind == "gpu" else []
    tf.config.set_visible_devices(chosen, "GPU")
    return len(chosen)


def _joined(cluster: Cluster, gpus: int, precision: str) -> Replicas:
    spec, kind, index = cluster
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type=kind, task_id=index, num_accelerators={"GPU": gpus}, rpc_layer="grpc"
    )
    try:
        with _ended_by_signals():
            return Replicas(tf.distribute.MultiWorkerMirroredStrategy(resolver), precision)
    except (tf.errors.OpError, RuntimeError) as error:
        raise LmgenError(f"the processes did not find each other: {error}") from error


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """TensorFlow waits for the others without letting Python answer a signal: Ctrl-C ends the process then."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cluster(how: str) -> Cluster:
    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ and how != "slurm":
        _check_config(os.environ["TF_CONFIG"])
        found = resolvers.TFConfigClusterResolver()
    elif "SLURM_STEP_NODELIST" in os.environ and how != "tf-config":
        # without these numbers it runs nvidia-smi, which machines without GPUs do not have
        found = resolvers.SlurmClusterResolver(gpus_per_node=10_000, gpus_per_task=1, auto_set_gpu=False)
    else:
        raise UsageError(f"--distribute {how}: neither TF_CONFIG nor a Slurm step says who takes part")
    spec = found.cluster_spec()
    return spec, found.task_type, found.task_id


def _check_config(text: str) -> None:
    """Raise UsageError if TF_CONFIG is not of TensorFlow's form."""
    try:
        config = json.loads(text)
        found = config["cluster"], config["task"]["type"], config["task"]["index"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError('TF_CONFIG is not JSON with "cluster" and a "task" of "type" and "index"') from error
    cluster, kind, index = found
    if kind not in cluster or not 0 <= index < len(cluster[kind]):
        raise UsageError(f"TF_CONFIG says that this is {kind} {index}, which its cluster has not")
