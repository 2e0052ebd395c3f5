"""Every fault of network, disk and process ends in a verified model or in one clear error, and no file is trusted wrongly."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

import mirror
from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.checkpoint.manifest import File, Manifest, intact
from lmgen.errors import DownloadError, IntegrityError, MissingError, UsageError
from lmgen.store.download import Source, fetch_model
from lmgen.store.events import Failed, Placed, Received, Waiting
from lmgen.store.fetch import Patience
from lmgen.store.home import own_folder, partial_folder
from lmgen.store.library import find

from conftest import start_lmgen

HASTE = Patience(connect=2.0, read=0.3, contact=5.0, rounds=3, pause=0.01, longest=0.05)
SIZE = 60_000
TABLE_END = bytes.fromhex("57fb808b247547db")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def contents():
    """Files by the release's names, of a size that takes several reads of a socket."""
    rng = random.Random(1)
    names = ["graph-tiny.pbtxt", "vocab-tiny.txt", *CHECKPOINT_FILES]
    return {name: rng.randbytes(SIZE if name.startswith("ckpt") else 1000) + TABLE_END for name in names}


@pytest.fixture
def make(contents, tiny_shape):
    """A manifest of the files, to be had from these mirrors."""
    import hashlib

    def manifest(*mirrors, names=None, name="toy", **sizes):
        files = {
            file: File(
                sha512=hashlib.sha512(contents[file]).hexdigest(),
                md5=hashlib.md5(contents[file], usedforsecurity=False).hexdigest(),
                size=sizes.get("size", len(contents[file])),
                path=f"all_shards/{file}" if file.startswith("ckpt") else "",
            )
            for file in names or contents
        }
        return Manifest(name, "A toy.", "CC0-1.0", tiny_shape, 33, mirrors=mirrors, files=files)

    return manifest


@pytest.fixture
def server(contents):
    with mirror.Mirror(contents) as served:
        yield served


def fetch(manifest, source=Source(), patterns=(), patience=HASTE):  # noqa: B008
    return list(fetch_model(manifest, source, patterns, patience))


def assert_whole(manifest):
    folder = own_folder(manifest.name)
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "model.toml"}
    assert all(intact(folder / name, file) for name, file in manifest.files.items())
    assert Manifest.load(folder / "model.toml") == manifest
    assert not partial_folder(manifest.name).exists()


def assert_nothing_wrong_in_place(manifest):
    folder = own_folder(manifest.name)
    for path in folder.iterdir() if folder.exists() else ():
        assert path.name == "model.toml" or intact(path, manifest.files[path.name]), path.name


ONE = ["ckpt-lstm"]


def test_files_come_whole_and_verified_and_the_manifest_last(make, server):
    manifest = make(server.url)
    events = fetch(manifest)

    assert_whole(manifest)
    assert {event.file for event in events if isinstance(event, Placed)} == set(manifest.files)
    assert max(event.total for event in events if isinstance(event, Received)) == SIZE + 8
    assert find("toy").folder == own_folder("toy")


def test_partial_files_are_out_of_the_sight_of_any_checkpoint_pattern(make, server):
    seen = set()
    for _ in fetch_model(make(server.url), patience=HASTE):
        seen |= {path.name for path in own_folder("toy").glob("*ckpt-*")} if own_folder("toy").exists() else set()
        assert_nothing_wrong_in_place(make(server.url))

    assert seen <= set(CHECKPOINT_FILES)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_connection_cut_at_any_of_fifty_places_is_gone_on_with(make, server, reset):
    rng = random.Random(reset)
    manifest = make(server.url, names=ONE)
    for place in [0, 1, SIZE + 7, *rng.sample(range(SIZE), 47)]:
        server.requests.clear()
        server.faults["ckpt-lstm"] = [mirror.cut(place, reset)]
        fetch(manifest)
        assert_whole(manifest)
        if not reset:  # a reset may throw away what was under way
            assert server.requests[-1][1] == (f"bytes={place}-" if place else None)
        shutil.rmtree(own_folder("toy"))


def test_a_file_cut_again_and_again_comes_as_long_as_there_is_progress(make, server):
    server.faults["ckpt-lstm"] = [mirror.cut(1000)] * 40
    fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))


def test_a_server_without_ranges_is_asked_for_the_whole_again(make, server):
    server.faults["ckpt-lstm"] = [mirror.cut(30_000), mirror.no_range]
    fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))


def test_a_server_without_ranges_that_always_cuts_is_given_up(make, contents):
    with mirror.Mirror(contents, ranges=False) as server:
        server.faults["ckpt-lstm"] = [mirror.cut(30_000), *[mirror.cut(0)] * 50]
        with pytest.raises(DownloadError, match="cannot fetch ckpt-lstm from 127.0.0.1"):
            fetch(make(server.url, names=ONE))


@pytest.mark.parametrize(
    "fault",
    [
        mirror.wrong_range,
        mirror.status(500),
        mirror.status(502),
        mirror.status(503, Retry_After=0),
        mirror.status(429, Retry_After=1),
        mirror.status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        mirror.status(408),
        mirror.stall(0.6),
        mirror.stall(0.6, at=SIZE // 2),
        mirror.no_http,
    ],
    ids="wrong_range 500 502 503 429 429_with_date 408 silent stalled no_http".split(),
)
@pytest.mark.parametrize("begun", [False, True], ids=["fresh", "begun"])
def test_a_passing_fault_is_overcome(make, server, contents, fault, begun):
    manifest = make(server.url, names=ONE)
    if begun:
        partial_folder("toy").mkdir(parents=True)
        (partial_folder("toy") / "ckpt-lstm.part").write_bytes(contents["ckpt-lstm"][:12_345])
    server.faults["ckpt-lstm"] = [fault]
    events = fetch(manifest)

    assert_whole(manifest)
    assert any(isinstance(event, Failed) for event in events)


@pytest.mark.parametrize("fault", [mirror.status(500), mirror.status(429, Retry_After=9), mirror.stall(0.5)])
def test_a_fault_that_does_not_pass_ends_in_one_error(make, server, fault):
    server.faults["ckpt-lstm"] = [fault] * 50
    with pytest.raises(DownloadError, match="cannot fetch ckpt-lstm"):
        fetch(make(server.url, names=ONE))

    assert_nothing_wrong_in_place(make(server.url))
    assert len(server.requests) == HASTE.rounds


def test_a_server_s_wish_to_wait_is_granted_within_limits(make, server):
    server.faults["ckpt-lstm"] = [mirror.status(429, Retry_After=7)]
    events = fetch(make(server.url, names=ONE))

    assert [event.seconds for event in events if isinstance(event, Failed)] == [HASTE.longest]


@pytest.mark.parametrize("fault", [mirror.wrong_bytes, mirror.short_file], ids=["wrong", "short"])
def test_wrong_content_is_refused_by_name_and_the_good_files_stay(make, server, fault):
    server.faults["ckpt-softmax3"] = [fault] * 9
    with pytest.raises(IntegrityError, match="ckpt-softmax3 from 127.0.0.1 is not the file that was published"):
        fetch(make(server.url))
    folder = own_folder("toy")

    assert {path.name for path in folder.iterdir()} == set(make().files) - {"ckpt-softmax3"}
    server.faults.clear()
    server.requests.clear()
    fetch(make(server.url))
    assert_whole(make(server.url))
    assert [path for path, _ in server.requests] == ["/all_shards/ckpt-softmax3"]


def test_a_begun_file_with_wrong_bytes_is_begun_again(make, server):
    partial_folder("toy").mkdir(parents=True)
    (partial_folder("toy") / "ckpt-lstm.part").write_bytes(b"?" * 1000)
    fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))
    assert [part for _, part in server.requests] == ["bytes=1000-", None]


@pytest.mark.parametrize("extra", [0, 1000])
def test_a_begun_file_as_long_as_the_file_or_longer_is_begun_again(make, server, extra):
    """The server answers 416."""
    partial_folder("toy").mkdir(parents=True)
    (partial_folder("toy") / "ckpt-lstm.part").write_bytes(b"?" * (SIZE + 8 + extra))
    fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))


def test_a_file_that_was_complete_when_the_process_died_is_not_fetched_again(make, server, contents):
    partial_folder("toy").mkdir(parents=True)
    (partial_folder("toy") / "ckpt-lstm.part").write_bytes(contents["ckpt-lstm"])
    fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))
    assert server.requests == []


def test_only_a_damaged_file_is_fetched_again_and_it_is_named(make, server, contents):
    manifest = make(server.url)
    fetch(manifest)
    (own_folder("toy") / "ckpt-base").write_bytes(contents["ckpt-base"][:-9] + b"?" + TABLE_END)
    server.requests.clear()
    events = fetch(manifest)

    assert_whole(manifest)
    assert [path for path, _ in server.requests] == ["/all_shards/ckpt-base"]
    assert [event.problem for event in events if isinstance(event, Failed)] == ["ckpt-base is damaged"]
    assert [event.file for event in events if isinstance(event, Placed) and event.fetched] == ["ckpt-base"]


def test_another_host_is_followed_to(make, server, contents):
    with mirror.Mirror(contents) as other:
        server.faults["ckpt-lstm"] = [mirror.redirect(other.url.replace("127.0.0.1", "localhost"))] * 2
        other.faults["ckpt-lstm"] = [mirror.cut(1234)]
        fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))
    assert [part for _, part in other.requests] == [None, "bytes=1234-"]


def test_a_redirect_loop_is_one_error(make, server):
    server.faults["ckpt-lstm"] = [mirror.redirect(server.url)] * 99
    with pytest.raises(DownloadError, match="redirects in a circle"):
        fetch(make(server.url, names=ONE))


@pytest.mark.parametrize("bad", ["wrong", "gone", "down", "nowhere", "loop"])
def test_the_next_mirror_takes_over(make, server, contents, bad):
    with mirror.Mirror(contents if bad != "gone" else {}) as first:
        faults = {"wrong": mirror.wrong_bytes, "down": mirror.status(500), "loop": mirror.redirect(first.url)}
        first.faults = {name: [faults[bad]] * 99 for name in contents} if bad in faults else {}
        url = "http://127.0.0.1:1/" if bad == "nowhere" else first.url
        fetch(make(url, server.url))

    assert_whole(make(url, server.url))


def test_a_certificate_that_cannot_be_trusted_is_refused(make, contents, tmp_path, monkeypatch):
    context, authority = mirror.self_signed()
    with mirror.Mirror(contents, context=context) as server:
        with pytest.raises(DownloadError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(make(server.url, names=ONE))
        assert_nothing_wrong_in_place(make(server.url))
        authority.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        fetch(make(server.url, names=ONE))
        assert_whole(make(server.url, names=ONE))


def test_tls_to_a_server_without_it_is_one_error(make, server):
    with pytest.raises(DownloadError, match="cannot fetch ckpt-lstm"):
        fetch(make(server.url.replace("http:", "https:"), names=ONE))


def test_a_proxy_is_used(make, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    fetch(make("http://release.invalid/models/", names=ONE))

    assert_whole(make("http://release.invalid/models/", names=ONE))
    assert server.requests == [("http://release.invalid/models/all_shards/ckpt-lstm", None)]


def test_a_proxy_that_is_none_is_one_error(make, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy")
    with pytest.raises(DownloadError, match="cannot use HTTPS_PROXY"):
        fetch(make(server.url, names=ONE))


def test_servers_that_never_answer_are_given_up_soon(make, contents):
    """A name server that is silent holds a thread in the C library: the whole is not held."""
    with mirror.Mirror(contents) as server:
        server.faults["ckpt-lstm"] = [lambda handler, body: time.sleep(2)]
        patience = Patience(read=60, contact=0.3)
        with pytest.raises(DownloadError, match="no mirror answers"):
            fetch(make(server.url, names=ONE), patience=patience)


def test_offline_nothing_is_asked_of_the_network(make, server):
    with pytest.raises(DownloadError, match="ckpt-lstm is not here, and LMGEN_OFFLINE"):
        fetch(make(server.url, names=ONE), Source(offline=True))
    fetch(make(server.url, names=ONE))
    server.requests.clear()
    fetch(make(server.url, names=ONE), Source(offline=True))

    assert server.requests == []


def test_only_the_files_asked_for_are_fetched(make, server):
    fetch(make(server.url), patterns=("ckpt-softmax*", "vocab-*"))

    there = {path.name for path in own_folder("toy").iterdir()}
    assert there == {name for name in make().files if name.startswith(("ckpt-softmax", "vocab"))}
    with pytest.raises(MissingError, match="lacks ckpt-base"):
        find("toy")
    fetch(make(server.url))
    assert_whole(make(server.url))


def test_a_mirror_may_be_one_flat_folder(make, contents):
    class Flat(mirror.Mirror):
        def answer(self, handler):
            return mirror.respond(handler, 404) if "all_shards" in handler.path else super().answer(handler)

    with Flat(contents) as server:
        fetch(make("http://127.0.0.1:1/"), Source(server.url))

    assert_whole(make("http://127.0.0.1:1/"))


# From a folder --------------------------------------------------------------------------------


@pytest.fixture
def disk(contents, tmp_path):
    folder = tmp_path / "disk"
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_files_on_a_disk_are_linked_and_verified(make, disk):
    fetch(make(), Source(str(disk)))

    assert_whole(make())
    assert (own_folder("toy") / "ckpt-lstm").samefile(disk / "ckpt-lstm")


def test_files_on_another_disk_are_copied(make, contents, tmp_path):
    other = "/dev/shm"
    if not os.access(other, os.W_OK) or os.stat(other).st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    import tempfile

    with tempfile.TemporaryDirectory(dir=other) as folder:
        for name, data in contents.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        fetch(make(), Source(folder))
        assert_whole(make())


def test_a_damaged_file_on_a_disk_is_refused_by_name_and_left_as_it_is(make, disk, contents):
    wrong = contents["ckpt-lstm"][:-1]
    (disk / "ckpt-lstm").write_bytes(wrong)
    with pytest.raises(IntegrityError, match="ckpt-lstm is not the file"):
        fetch(make(), Source(str(disk)))

    assert_nothing_wrong_in_place(make())
    assert (disk / "ckpt-lstm").read_bytes() == wrong


def test_a_file_missing_on_a_disk_is_named(make, disk):
    (disk / "ckpt-lstm").unlink()
    with pytest.raises(MissingError, match="lacks ckpt-lstm"):
        fetch(make(), Source(str(disk)))


def test_a_linked_file_is_never_written_to(make, disk, server, contents):
    """A download that goes on must not grow the user's own file through the link."""
    wrong = contents["ckpt-lstm"][:1000]
    (disk / "ckpt-lstm").write_bytes(wrong)
    with pytest.raises(IntegrityError):
        fetch(make(server.url, names=ONE), Source(str(disk)))
    fetch(make(server.url, names=ONE))

    assert (disk / "ckpt-lstm").read_bytes() == wrong


def test_what_is_neither_an_address_nor_a_folder_is_refused():
    with pytest.raises(UsageError, match="neither an http address nor a folder"):
        Source("ftp://x/")


def test_a_manifest_without_checksums_is_refused(make):
    manifest = Manifest("toy", "", "", make().shape, 1, files={"ckpt-base": File(size=1)})
    with pytest.raises(UsageError, match="lacks checksums: ckpt-base"):
        fetch(manifest)


# The disk -------------------------------------------------------------------------------------


def test_a_disk_without_room_is_told_before_anything_is_fetched(make, server):
    with pytest.raises(DownloadError, match="1000000.0 GB are needed and .* free on the disk"):
        fetch(make(server.url, names=ONE, size=10**15))

    assert server.requests == []


def on_a_mount(options, command, tmp_path, **environment):
    """Run a shell command where LMGEN_HOME is a file system of its own, or skip."""
    mount = tmp_path / "mount"
    mount.mkdir(exist_ok=True)
    script = f"mount -t tmpfs -o {options} none {mount} || exit 77; {command}"
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    env = {**os.environ, "LMGEN_HOME": str(mount / "home"), "LMGEN_MOUNT": str(mount), **environment}
    result = subprocess.run(unshare, env=env, capture_output=True, text=True, check=False)
    if result.returncode == 77 or "unshare failed" in result.stderr:
        pytest.skip("no file system can be mounted here")
    return result


def test_a_disk_that_fills_up_is_one_line_and_what_came_stays(make, server, tmp_path):
    """The manifest's sizes are too small here, so that the check before does not see it coming."""
    make(server.url, size=1).save(tmp_path / "toy.toml")
    lmgen = f"{sys.executable} -m lmgen download {tmp_path}/toy.toml"
    command = f"{lmgen}; echo code $?; mount -o remount,size=20m $LMGEN_MOUNT; {lmgen}; echo code $?"
    result = on_a_mount("size=300k", command, tmp_path)

    assert result.stdout.split()[:2] == ["code", "5"]
    assert result.stdout.split()[-2:] == ["code", "0"]
    refusals = [line for line in result.stderr.splitlines() if line.startswith("lmgen: ")]
    assert len(refusals) == 1
    assert "No space left on device" in refusals[0]


def test_a_read_only_disk_is_one_line(make, server, tmp_path):
    make(server.url).save(tmp_path / "toy.toml")
    result = on_a_mount("ro", f"{sys.executable} -m lmgen download -q {tmp_path}/toy.toml", tmp_path)

    assert (result.returncode, result.stdout) == (5, "")
    assert "Read-only file system" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_home_that_is_a_file_is_one_error(make, server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMGEN_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="LMGEN_HOME"):
        fetch(make(server.url))


# Processes ------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from lmgen.store.download import fetch_model
from lmgen.checkpoint.manifest import Manifest
manifest = Manifest.load(Path(sys.argv[1]))
for event in fetch_model(manifest):
    print(type(event).__name__, flush=True)
"""


@contextlib.contextmanager
def child(path):
    """A process that downloads, and prints a line for every event."""
    process = subprocess.Popen([sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_process_killed_at_twenty_moments_leaves_what_the_next_completes(make, contents, tmp_path):
    rng, kept = random.Random(3), set()
    with mirror.Mirror(contents, block=3000, pause=0.005) as slow, mirror.Mirror(contents) as quick:
        manifest = make(slow.url)
        manifest.save(tmp_path / "toy.toml")
        for moment in sorted(rng.sample(range(200), 20)):  # after so many of some 250 events
            with child(tmp_path / "toy.toml") as process:
                for _ in range(moment):
                    process.stdout.readline()
                time.sleep(rng.uniform(0, 0.005))
            assert_nothing_wrong_in_place(manifest)
            kept.add(sum(path.stat().st_size for path in own_folder("toy").parents[1].rglob("*ckpt*")))
            fetch(make(quick.url))
            assert_whole(make(quick.url))
            shutil.rmtree(own_folder("toy"))

    assert len(kept) > 4  # they were different moments


def test_of_two_downloads_one_works_and_the_other_waits_and_finds_it_there(make, contents, tmp_path):
    with mirror.Mirror(contents, block=3000, pause=0.002) as server:
        manifest = make(server.url)
        manifest.save(tmp_path / "toy.toml")
        with child(tmp_path / "toy.toml") as process:
            assert process.stdout.readline() == "Received\n"
            events = fetch(manifest)
            assert process.wait(20) == 0

    assert isinstance(events[0], Waiting)
    assert not any(isinstance(event, Placed) and event.fetched for event in events)
    assert_whole(manifest)
    assert len(server.requests) == len(contents)


def test_ctrl_c_stops_at_once_and_the_next_run_goes_on(make, contents, tmp_path):
    with mirror.Mirror(contents) as server:
        server.faults["ckpt-lstm"] = [mirror.stall(20, at=1000)]
        make(server.url).save(tmp_path / "toy.toml")
        process = start_lmgen("download", tmp_path / "toy.toml")
        begun = partial_folder("toy") / "ckpt-lstm.part"
        others = [own_folder("toy") / name for name in contents if name != "ckpt-lstm"]
        while not (all(path.exists() for path in others) and begun.stat().st_size):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        server.faults.clear()
        server.requests.clear()
        fetch(make(server.url))

    assert [part for _, part in server.requests] == ["bytes=1000-"]
    assert_whole(make(server.url))
