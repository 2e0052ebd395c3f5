"""Workers that are actors of a Ray cluster, or of a local one that is started for the purpose."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmgen.checkpoint import ModelFiles, open_folder
from lmgen.engines import beside, find_converted, fingerprint
from lmgen.errors import DeviceError, needing
from lmgen.scoring import Sentence
from lmgen.store import home, lock, sign
from lmgen.text import make_folder, whole_folder
from lmgen.workers.jobs import Task
from lmgen.workers.pool import WorkerLostError

LOCAL = "local"
"""The address that starts a cluster of this machine alone."""
STORE = 200 << 20
"""Bytes for what local workers pass on: a shard and what is made of it are a few megabytes."""


os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # Ray, which reads it as it is imported, prints among the rows


class AbsentError(Exception):
    """The model is not on the worker's machine."""


@contextlib.contextmanager
def ray_workers(task: Task, count: int | None, address: str) -> Iterator[list["RayWorker"]]:
    """Actors that do a task.

    Args:
      count: how many; None for one on each CPU of the cluster.
      address: LOCAL, `auto` for the cluster that runs here, `HOST:PORT` or `ray://HOST:PORT`.

    Raises UnsupportedError if Ray is not installed, DeviceError if the cluster cannot be reached or has too few CPUs.
    """
    with needing("ray", "--ray"):
        import ray
    _connect(address, count)
    try:
        model, cpus = _SharedModel(task), int(ray.cluster_resources().get("CPU", 1))
        if (count or 1) > cpus:
            raise DeviceError(f"the cluster has {cpus} CPUs: {count} workers would wait for more")
        yield [RayWorker(task, model) for _ in range(count or cpus)]
    finally:
        ray.shutdown()


def _connect(address: str, count: int | None) -> None:
    import ray

    _knock(address)
    alone = {"object_store_memory": STORE, "include_dashboard": False, "num_cpus": count}
    local: dict[str, Any] = alone if address == LOCAL else {}
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise DeviceError(f"there is no Ray cluster at {address}: {error}") from error
    finally:
        signal.signal(signal.SIGTERM, before)  # Ray's own would end lmgen without a word


def _knock(address: str) -> None:
    """Raise DeviceError at once where Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), 10).close()
    except OSError as error:
        raise DeviceError(f"there is no Ray cluster at {address}: {error.strerror or error}") from error


class RayWorker:
    """An actor. Ray starts it again where it ended, or on another machine."""

    def __init__(self, task: Task, model: "_SharedModel") -> None:
        import ray

        self._ray, self._task, self.model = ray, task, model
        self._actor = ray.remote(num_cpus=1, max_restarts=-1)(_Actor).remote()

    def do(self, sentences: Sequence[Sentence]) -> Any:
        """Do the task. Raises WorkerLostError, and what the task raises."""
        try:
            return self._do(sentences)
        except AbsentError:
            self.model.share()
            return self._do(sentences)

    def close(self) -> None:
        """End the actor."""
        self._ray.kill(self._actor)

    def _do(self, sentences: Sequence[Sentence]) -> Any:
        try:
            return self._ray.get(
                self._actor.do.remote(self._task, sentences, self.model.fingerprint, self.model.shared)
            )
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayActorError as error:
            again = self._actor.ready.options(max_task_retries=-1).remote()
            self._ray.wait([again])  # or the next try would fail too, while it starts
            raise WorkerLostError("a worker of the cluster ended") from error


class _SharedModel:
    """A model's files, which go to Ray's object store once a worker lacks them."""

    def __init__(self, task: Task) -> None:
        self._task, self.fingerprint, self._lock = task, fingerprint(task.files), threading.Lock()
        self.shared: dict[str, Any] | None = None
        """Reference to each file's bytes, by its name in the folder."""

    def share(self) -> None:
        """Put them there, unless they are."""
        import ray

        with self._lock:
            if self.shared is None:
                self.shared = {name: ray.put(path.read_bytes()) for name, path in self._files().items()}

    def _files(self) -> dict[str, Path]:
        files, precision = self._task.files, self._task.engine.precision
        found = {name: files.folder / name for name in files.names}
        if converted := find_converted(files, precision):
            inside = converted.vectors.parent.iterdir()
            found |= {f"{beside(files, precision).name}/{path.name}": path for path in inside}
        return found


class _Actor:
    """What runs on a machine of the cluster."""

    def ready(self) -> None:
        """Return once it has started."""

    def do(self, task: Task, sentences: Sequence[Sentence], print_: str, shared: dict[str, Any] | None) -> Any:
        """Do a task. Raises AbsentError if the model is not here and was not sent."""
        return replace(task, files=here(task.files, print_, shared))(sentences)


def here(files: ModelFiles, print_: str, shared: dict[str, Any] | None) -> ModelFiles:
    """The files of the model on this machine: at the path that the driver has, or received from it."""
    with contextlib.suppress(Exception):
        if fingerprint(files) == print_:
            return files
    received = home() / "received" / print_[:16]
    with lock(f"received-{print_[:16]}"):
        if not received.is_dir():
            if shared is None:
                raise AbsentError
            _receive(shared, received, files.folder.name)
    return open_folder(received)


def _receive(shared: dict[str, Any], folder: Path, name: str) -> None:
    import ray

    make_folder(folder.parent)
    with whole_folder(folder) as draft:
        for file, content in shared.items():
            make_folder((draft / file).parent)
            (draft / file).write_bytes(ray.get(content))
        sign(draft, name)
