"""Download a model's files into the store, whole and checked, from mirrors or from a folder."""

import fnmatch
import queue
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from lmgen.checkpoint import MANIFEST, File, Manifest, intact, without_secrets
from lmgen.errors import DownloadError, IntegrityError, MissingError, UsageError
from lmgen.store.events import Failed, Placed, Received, Waiting
from lmgen.store.fetch import Fetcher, Order, Patience
from lmgen.store.home import check_room, is_free, link, lock, own_folder, partial_folder, put, writing
from lmgen.store.library import check_name, released

Event = Waiting | Received | Failed | Placed
IN_PARALLEL = 4


@dataclass(frozen=True)
class Need:
    """A file to be here."""

    name: str
    file: File
    state: str
    """`here` (by its name; not yet verified), `begun` or `missing`."""
    size: int
    """Bytes that are here."""

    @property
    def missing(self) -> int:
        """Bytes to fetch, about."""
        return 0 if self.state == "here" else max(0, self.file.size - self.size)


@dataclass(frozen=True)
class Source:
    """Where files come from."""

    place: str = ""
    """A mirror's address or a folder; empty for the manifest's own mirrors."""
    offline: bool = False
    """The network is not to be used."""

    def __post_init__(self) -> None:
        if self.place and self.folder is None and not self.place.startswith(("https://", "http://")):
            raise UsageError(f"{without_secrets(self.place)} is neither an http address nor a folder")

    @property
    def folder(self) -> Path | None:
        """The folder, if it is one."""
        return Path(self.place) if Path(self.place).is_dir() and self.place else None

    def path(self, need: Need) -> Path | None:
        """Where the folder has a file, if it does."""
        folder = self.folder
        ways = (folder / path for path in (need.name, need.file.path) if path and folder)
        return next((path for path in ways if path.is_file()), None)

    def urls(self, manifest: Manifest, name: str) -> tuple[str, ...]:
        """Where a file may be, the best first; a mirror of one's own may be one flat folder."""
        path = manifest.files[name].path or name
        if self.place:
            return tuple(dict.fromkeys((_below(self.place, path), _below(self.place, name))))
        return tuple(_below(mirror, path) for mirror in manifest.mirrors)


def _below(address: str, path: str) -> str:
    """The address of a file in a folder; a query (a key, a signature) stays at the end."""
    folder, mark, query = address.partition("?")
    return f"{folder.rstrip('/')}/{path}{mark}{query}"


def survey(manifest: Manifest, patterns: tuple[str, ...] = ()) -> list[Need]:
    """What there is of a model's files, at a glance; of those alone that match a pattern, if any is given."""
    found = []
    for name, file in manifest.files.items():
        if patterns and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        here, begun = own_folder(manifest.name) / name, _partial(manifest, name)
        if here.is_file():
            found.append(Need(name, file, "here", here.stat().st_size))
        else:
            size = begun.stat().st_size if begun.is_file() else 0
            found.append(Need(name, file, "begun" if size else "missing", size))
    if not found:
        raise UsageError(f"no file of {manifest.name} matches: it has {', '.join(manifest.files)}")
    return found


def lacking(manifest: Manifest) -> list[str]:
    """Files of a model that are not in its folder."""
    return [name for name in manifest.files if not (own_folder(manifest.name) / name).is_file()]


def fetch_model(
    manifest: Manifest,
    source: Source = Source(),
    patterns: tuple[str, ...] = (),
    patience: Patience = Patience(),  # noqa: B008
) -> Iterator[Event]:
    """Make a model's files be in its folder, verified; only those that match a pattern, if any is given.

    Files that are there already are verified too, and fetched again if they are damaged. Whatever
    interrupts it, the next call continues from there. `model.toml` comes last, when all files are there.

    Raises:
      IntegrityError: files that could be had are not what the manifest says, all of them named.
      DownloadError: they cannot be had, or not be written.
    """
    check_name(manifest.name)
    if released().get(manifest.name, manifest) != manifest:
        raise UsageError(f"{manifest.name} is the name of a released model, and this is another: change its `name`")
    unchecked = [name for name, file in manifest.files.items() if not file.checksums]
    if unchecked or not manifest.files:
        raise UsageError(f"the manifest of {manifest.name} lacks checksums: {', '.join(unchecked) or 'no file'}")
    with writing():
        held = lock(manifest.name)
        if not is_free(held):
            yield Waiting(manifest.name)
        with held:
            yield from _bring_all(manifest, source, patterns, patience)


def _bring_all(manifest: Manifest, source: Source, patterns: tuple[str, ...], patience: Patience) -> Iterator[Event]:
    needs = survey(manifest, patterns)
    absent = [need.name for need in needs if source.folder and need.state != "here" and not source.path(need)]
    if absent:
        raise MissingError(f"{source.place} lacks {', '.join(absent)} (--files GLOB takes only what it has)")
    if not source.folder:  # from there they are linked, if the disk is the same
        check_room(sum(need.missing for need in needs))
    partial_folder(manifest.name).mkdir(parents=True, exist_ok=True)
    with closing(_Crew(manifest, source, patience)) as crew:
        damaged = yield from crew.fetch(needs)
    if damaged:
        raise IntegrityError(f"{'; '.join(damaged)}. Try again later, or another mirror: --from URL")
    if not lacking(manifest):
        manifest.save(partial_folder(manifest.name) / MANIFEST)
        put(partial_folder(manifest.name) / MANIFEST, own_folder(manifest.name) / MANIFEST)
        shutil.rmtree(partial_folder(manifest.name))


class _Crew:
    """Threads that fetch files, each one at a time."""

    def __init__(self, manifest: Manifest, source: Source, patience: Patience) -> None:
        self._manifest, self._source, self._patience = manifest, source, patience
        self._told: queue.Queue = queue.Queue()
        self._fetcher = Fetcher(partial(_client, patience), patience, self._told.put)
        self._threads: list[threading.Thread] = []

    def fetch(self, needs: list[Need]) -> Generator[Event, None, list[str]]:
        """Fetch files; returns the complaints about those that are not what they should be."""
        jobs: queue.Queue[Need] = queue.Queue()
        for need in needs:
            jobs.put(need)
        for _ in range(min(IN_PARALLEL, len(needs))):
            self._threads.append(threading.Thread(target=self._work, args=(jobs,), daemon=True))
            self._threads[-1].start()
        working = len(self._threads)
        damaged: list[str] = []
        while working:
            heard = self._next()
            if heard is None:
                working -= 1
            elif isinstance(heard, IntegrityError):
                damaged.append(str(heard))
            elif isinstance(heard, BaseException):
                raise heard
            else:
                yield heard
        return damaged

    def close(self) -> None:
        """Stop the threads; one that waits for a server is left behind, and will write nothing more."""
        self._fetcher.stop()
        deadline = time.monotonic() + 0.5
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self._fetcher.close()

    def _next(self) -> Event | BaseException | None:
        """What a thread reports next: an event, its failure, or None when it has no more to do."""
        while True:
            try:
                return self._told.get(timeout=0.2)
            except queue.Empty:
                if self._fetcher.silence > self._patience.contact:
                    raise DownloadError(f"no mirror answers: {self._advice()}") from None

    def _work(self, jobs: "queue.Queue[Need]") -> None:
        while not self._fetcher.stopped:
            try:
                self._told.put(self._bring(jobs.get_nowait()))
            except queue.Empty:
                break
            except Exception as error:  # noqa: BLE001 (the main thread raises it)
                self._told.put(error)
        self._told.put(None)

    def _bring(self, need: Need) -> Placed:
        place = own_folder(self._manifest.name) / need.name
        if place.is_file():
            if intact(place, need.file):
                return Placed(need.name, place.stat().st_size, fetched=False)
            self._told.put(Failed(need.name, f"{need.name} is damaged", 0.0))
        fetched = self._copy(need) if self._source.folder else self._fetch(need)
        put(fetched, place)
        return Placed(need.name, place.stat().st_size, fetched=True)

    def _fetch(self, need: Need) -> Path:
        urls, growing = self._source.urls(self._manifest, need.name), _partial(self._manifest, need.name)
        if self._source.offline:
            raise DownloadError(f"{need.name} is not here, and LMGEN_OFFLINE forbids the network: {self._advice()}")
        if not urls:
            raise DownloadError(f"no mirror of {need.name} is known: {self._advice()}")
        try:
            self._fetcher.fetch(Order(need.name, need.file, urls, growing))
        except DownloadError as error:
            raise DownloadError(f"{error}: {self._advice()}") from error
        return growing

    def _copy(self, need: Need) -> Path:
        """A hard link where the disk can make one, never gone on with: it is the user's own file."""
        source = self._source.path(need)
        if source is None:
            raise MissingError(f"{self._source.place} lacks {need.name}, and the one that is here is damaged")
        copy = _partial(self._manifest, need.name).with_suffix(".copy")
        link(source, copy)
        if not intact(copy, need.file):
            copy.unlink()
            raise IntegrityError(f"{source} is not the file that was published: wrong checksum")
        return copy

    def _advice(self) -> str:
        return (
            "see to the network or the proxy (HTTPS_PROXY) and run it again, what came so far is kept; "
            "or take a mirror (--from URL), or files that are on a disk (--from FOLDER)"
        )


def _client(patience: Patience) -> httpx.Client:
    timeout = httpx.Timeout(patience.read, connect=patience.connect)
    try:
        return httpx.Client(follow_redirects=True, timeout=timeout, headers={"User-Agent": "lmgen"})
    except Exception as error:
        raise DownloadError(
            f"cannot use HTTPS_PROXY, ALL_PROXY or SSL_CERT_FILE as it is: {without_secrets(str(error))}"
        ) from error


def _partial(manifest: Manifest, name: str) -> Path:
    return partial_folder(manifest.name) / f"{name}.part"
