"""One file over HTTP, whatever happens on the way: Range, retries with back-off, mirrors, checksums.

httpx speaks HTTP, TLS and proxies; here is what it leaves to its users.
"""

import email.utils
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lmgen.checkpoint import Digest, File, without_secrets
from lmgen.errors import DownloadError, IntegrityError, LmgenError
from lmgen.store.events import Failed, Received

SPARE, LARGEST = 1 << 26, 1 << 33
"""Bytes: by so many and as much again a file may exceed the size its manifest gives; and what one may have at most if
none is given. A mirror that sends more is left."""
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Status codes that may be others a little later."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server; all in seconds but the rounds."""

    connect: float = 5.0
    """For a connection."""
    read: float = 30.0
    """For the next bytes."""
    contact: float = 12.0
    """For the first sign of life of any mirror, its name looked up and all."""
    rounds: int = 8
    """How often each mirror is tried while nothing new comes; 1 where none was ever reached."""
    pause: float = 1.0
    """Between the first two rounds; then twice as long each time."""
    longest: float = 60.0
    """No pause is longer, whatever a server wishes (Retry-After)."""
    slowest: float = 1000.0
    """Bytes a second: a mirror that sends fewer is left for the next one."""
    window: float = 30.0
    """Over which they are counted."""


@dataclass(frozen=True)
class Order:
    """A file to fetch."""

    name: str
    file: File
    urls: tuple[str, ...]
    partial: Path
    """Where it grows; what an earlier run left there is gone on with."""


class Fetcher:
    """Fetches files for one run; its methods may be called by several threads.

    Args:
      connect: makes the client, when the first file is fetched: its settings matter to nothing else.
      report: what becomes of the events Received and Failed.
    """

    def __init__(
        self, connect: Callable[[], httpx.Client], patience: Patience, report: Callable[[object], None]
    ) -> None:
        self._connect, self._patience, self._report = connect, patience, report
        self._connecting = threading.Lock()
        self._client: httpx.Client | None = None
        self._stopped = threading.Event()
        self._reached = threading.Event()
        self._asked = float("inf")

    @property
    def silence(self) -> float:
        """Seconds since the first request, as long as no mirror gave a sign of life."""
        return 0.0 if self._reached.is_set() else time.monotonic() - self._asked

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """Nothing more is read or written; every fetch ends with Stopped."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections. No thread may be fetching."""
        if self._client:
            self._client.close()

    @property
    def _connected(self) -> httpx.Client:
        with self._connecting:
            client = self._client = self._client or self._connect()
            return client

    def fetch(self, order: Order) -> None:
        """Fetch a file to `order.partial`, whole and with the right checksums.

        Raises IntegrityError if a mirror has another file under its name and none has the right one,
        DownloadError if none gives it, OSError if it cannot be written.
        """
        mirrors, failures, problem = deque(order.urls), 0, None
        with Partial(order) as partial:
            while not partial.intact:
                most = partial.most
                try:
                    self._receive(order, mirrors[0], partial)
                except _Passing as passing:
                    failures = 0 if partial.most > most and not passing.slow else failures + 1
                    self._wait(order, mirrors, failures, passing)
                except LmgenError as refusal:
                    problem = problem if isinstance(problem, IntegrityError) else refusal
                    mirrors.popleft()
                    if not mirrors:
                        raise problem from refusal
                    self._report(Failed(order.name, str(refusal), 0.0))

    def _receive(self, order: Order, url: str, partial: "Partial") -> None:
        """One attempt. Raises _Passing if another may do better, LmgenError if not."""
        client, begin, self._asked = self._connected, partial.size, min(self._asked, time.monotonic())
        try:
            with client.stream("GET", url, headers=_headers(begin)) as response:
                self._reached.set()
                total = _accept(response, partial)
                begin = partial.size
                self._take(response, order, partial, total)
        except httpx.HTTPError as error:
            self._explain(error, url)
        except (httpx.InvalidURL, ValueError, OverflowError) as error:  # names and ports that no socket takes
            raise DownloadError(f"{without_secrets(url)} is not an address that can be used: {error}") from error
        if not partial.intact:
            _explain_end(response, order, partial, total, begin)

    def _take(self, response: httpx.Response, order: Order, partial: "Partial", total: int) -> None:
        """Add a response's bytes. Raises _Passing where they come too slowly, IntegrityError for far too many."""
        most = 2 * order.file.size + SPARE if order.file.size else LARGEST
        since, size, patience = time.monotonic(), partial.size, self._patience
        for block in response.iter_raw():
            if self.stopped:
                raise Stopped
            if partial.size + len(block) > most:
                partial.restart()
                raise IntegrityError(
                    f"{order.name} from {response.url.host} is larger than the file that was published"
                )
            partial.add(block)
            self._report(Received(order.name, partial.size, total))
            if (passed := time.monotonic() - since) > patience.window:
                if partial.size - size < patience.slowest * passed:
                    raise _Passing(
                        f"{response.url.host} sends less than {patience.slowest:.0f} bytes a second", slow=True
                    )
                since, size = time.monotonic(), partial.size

    def _explain(self, error: httpx.HTTPError, url: str) -> None:
        """Raise what a failure of the transport means."""
        failure = f"{_host(url)}: {without_secrets(str(error)).rstrip('.') or type(error).__name__}"
        if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            self._reached.set()
        if isinstance(error, httpx.TooManyRedirects):
            raise DownloadError(f"{_host(url)} redirects in a circle") from error
        if isinstance(error, httpx.UnsupportedProtocol) or _distrusted(error):
            raise DownloadError(failure) from error
        raise _Passing(failure) from error

    def _wait(self, order: Order, mirrors: deque[str], failures: int, passing: "_Passing") -> None:
        """Turn to the next mirror; when all had their turn, pause. Raises DownloadError when it is enough."""
        patience = self._patience
        rounds = patience.rounds if self._reached.is_set() else 1
        if failures >= rounds * len(mirrors):
            hosts = " or ".join(dict.fromkeys(map(_host, order.urls)))
            raise DownloadError(f"cannot fetch {order.name} from {hosts}: {passing}")
        if failures:  # it made no progress
            mirrors.rotate(-1)
        pause = 0.0
        if failures and failures % len(mirrors) == 0:
            pause = max(passing.pause, patience.pause * 2 ** (failures // len(mirrors) - 1))
        pause = min(pause, patience.longest)
        if self._reached.is_set():
            self._report(Failed(order.name, str(passing), pause))
        if self._stopped.wait(pause):
            raise Stopped


class Stopped(Exception):  # noqa: N818 (nothing is wrong)
    """A fetch was asked to stop."""


class _Passing(Exception):  # noqa: N818
    """An attempt failed that may succeed later, in `pause` seconds if the server says so."""

    def __init__(self, problem: str, pause: float = 0.0, slow: bool = False) -> None:
        super().__init__(problem)
        self.pause, self.slow = pause, slow


class Partial(AbstractContextManager):
    """A file that grows; its checksums grow with it."""

    def __init__(self, order: Order) -> None:
        self._expected = order.file.checksums
        self._file = open(order.partial, "a+b")  # noqa: SIM115 (closed by __exit__)
        self._digest = Digest(self._expected).read(order.partial)
        self.size = self.most = order.partial.stat().st_size
        self.ends: set[tuple[str, int]] = set()
        """Where a server that gave no length stopped, by its address."""

    def __exit__(self, *_error) -> None:
        self._file.close()

    @property
    def intact(self) -> bool:
        """Whether it is whole and right."""
        return self._digest.checksums == self._expected

    def add(self, block: bytes) -> None:
        self._file.write(block)
        self._file.flush()
        self._digest.add(block)
        self.size += len(block)
        self.most = max(self.most, self.size)

    def restart(self) -> None:
        """Forget what is here."""
        self._file.truncate(0)
        self._digest = Digest(self._expected)
        self.size = 0


def _headers(begin: int) -> dict[str, str]:
    return {"Accept-Encoding": "identity", **({"Range": f"bytes={begin}-"} if begin else {})}


def _accept(response: httpx.Response, partial: Partial) -> int:
    """Make ready for a response's bytes; returns the size of the whole file, 0 if it is not given."""
    status, length = response.status_code, _number(response.headers.get("Content-Length"))
    if status == 206:
        unit_and_range, _, total = response.headers.get("Content-Range", "").partition("/")
        if not unit_and_range.replace("=", " ").startswith(f"bytes {partial.size}-"):
            partial.restart()
            raise _Passing(f"{response.url.host} sent another part than asked for")
        return _number(total)
    if status == 200:  # also the answer of a server that knows no ranges
        if partial.size:
            partial.restart()
        return length
    if status == 416:  # what is here is as long as the file, or longer, and was found not to be it
        wrong = (str(response.url), partial.size) in partial.ends
        partial.restart()
        if wrong:
            raise IntegrityError(
                f"{response.url.host} has another file than the one that was published: wrong checksum"
            )
        raise _Passing(f"{response.url.host} has not so many bytes of it")
    problem = f"{response.url.host} answers {status} {response.reason_phrase}".rstrip()
    if status in PASSING:
        raise _Passing(problem, _retry_after(response.headers.get("Retry-After", "")))
    raise DownloadError(f"{problem} to {without_secrets(str(response.url))}")


def _explain_end(response: httpx.Response, order: Order, partial: Partial, total: int, begin: int) -> None:
    """Raise what it means that a response ended, and the file is not the right one."""
    host, end = response.url.host, (str(response.url), partial.size)
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "")
    if partial.size < total or not total and not chunked and end not in partial.ends:
        partial.ends |= set() if total else {end}
        raise _Passing(f"{host} stopped before the file was whole")
    partial.restart()
    if begin:  # the bytes of an earlier attempt may be the wrong ones
        raise _Passing("what came does not fit what was here before")
    raise IntegrityError(f"{order.name} from {host} is not the file that was published: wrong checksum")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def _retry_after(value: str) -> float:
    """Seconds to wait: a number, or the time until a date (RFC 9110, 10.2.3)."""
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_tz(value)
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else 0.0
    except (ValueError, OverflowError, IndexError):  # no date after all
        return 0.0


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host or without_secrets(url)
    except httpx.InvalidURL:
        return without_secrets(url)


def _distrusted(error: BaseException | None) -> bool:
    """Whether a certificate is behind an error."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
