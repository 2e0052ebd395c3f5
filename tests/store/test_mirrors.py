"""Odd mirrors, addresses and settings: one line each, with no password in it, and only where the network is needed."""

import pytest
from test_download import HASTE, ONE, assert_whole, contents, fetch, make, no_proxy, server  # noqa: F401 (fixtures)

import mirror
from lmgen.checkpoint.manifest import without_secrets
from lmgen.errors import DownloadError, IntegrityError, UsageError
from lmgen.store.download import Source, fetch_model
from lmgen.store.events import Failed
from lmgen.store.fetch import Patience
from lmgen.store.library import released

IMPATIENT = Patience(read=1.0, rounds=2, pause=0.01, longest=0.05, window=0.2)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("https://me:secret@host:8080/a/b?sig=secret#secret", "https://host:8080/a/b"),
        ("cannot reach 'http://me:se@cret@host/a?sig=secret': no", "cannot reach 'http://host/a': no"),
        ("http://host/a is it me@home? yes", "http://host/a is it me@home? yes"),
    ],
)
def test_what_is_for_no_other_eyes_is_not_shown(told, shown):
    assert without_secrets(told) == shown


@pytest.mark.parametrize("code", [404, 403, 500, 302])
def test_no_message_shows_a_password_or_a_signature(make, server, lmgen, tmp_path, code):  # noqa: F811
    address = server.url.replace("127", "me:secret@127") + "x?sig=secret"
    server.faults["ckpt-lstm"] = [mirror.status(code, Location="http://me:secret@127.0.0.1:1/?sig=secret")] * 99
    events = []
    with pytest.raises(DownloadError) as refused:
        events.extend(fetch_model(make(address, names=ONE), patience=HASTE))
    make(address, names=ONE).save(tmp_path / "toy.toml")
    plan = lmgen("download", tmp_path / "toy.toml", "--dry-run")

    assert "secret" not in f"{refused.value}{events}{plan}"
    assert server.requests[0][0] == "/x/all_shards/ckpt-lstm?sig=secret"


def test_a_place_that_is_no_address_is_refused_without_its_password():
    with pytest.raises(UsageError, match="^ftp://host/x is neither"):
        Source("ftp://me:secret@host/x?sig=secret")


@pytest.mark.parametrize(
    "address",
    ["http://a..b/", f"http://{'a' * 70}.org/", "http://host:99999/", "http://[::1/", "http://a b/", "http://host:x/"],
)
def test_an_odd_host_is_one_error(make, address):  # noqa: F811
    with pytest.raises(DownloadError, match="address|cannot fetch"):
        fetch(make(address, names=ONE))


def test_numbers_beyond_reason_are_no_numbers(make, server):  # noqa: F811
    server.faults["ckpt-lstm"] = [
        mirror.cut(1000),
        mirror.status(206, Content_Range=f"bytes 1000-{'9' * 5000}/{'9' * 5000}"),
        mirror.status(429, Retry_After="9" * 5000),
        mirror.status(503, Retry_After="Wed, 99 Oct 99999999999 07:28:00 GMT"),
    ]
    fetch(make(server.url, names=ONE))

    assert_whole(make(server.url, names=ONE))


def test_a_file_cut_short_without_a_length_is_gone_on_with(make, server):  # noqa: F811
    server.faults["ckpt-lstm"] = [mirror.untold(1000), mirror.untold(500)]
    fetch(make(server.url, names=ONE))

    assert [part for _, part in server.requests] == [None, "bytes=1000-", "bytes=1500-"]
    assert_whole(make(server.url, names=ONE))


def test_another_file_without_a_length_is_refused(make, server, contents):  # noqa: F811
    server.files = {**contents, "ckpt-lstm": b"?" * 3000}
    server.faults["ckpt-lstm"] = [mirror.untold(3000)]
    with pytest.raises(IntegrityError, match="wrong checksum"):
        fetch(make(server.url, names=ONE))


def test_a_mirror_that_hardly_sends_is_left_for_the_next(make, server, contents):  # noqa: F811
    with mirror.Mirror(contents) as slow:
        slow.faults["ckpt-lstm"] = [mirror.drip] * 9
        events = fetch(make(slow.url, server.url, names=ONE), patience=IMPATIENT)

        assert "less than 1000 bytes a second" in next(event.problem for event in events if isinstance(event, Failed))
        with pytest.raises(DownloadError, match="less than 1000 bytes a second"):
            fetch(make(slow.url, names=ONE, name="toy2"), patience=IMPATIENT)
    assert_whole(make(slow.url, server.url, names=ONE))


def test_a_mirror_that_sends_without_end_is_left(make, server, monkeypatch):  # noqa: F811
    monkeypatch.setattr("lmgen.store.fetch.SPARE", 1 << 18)
    server.faults["ckpt-lstm"] = [mirror.endless]
    with pytest.raises(IntegrityError, match="larger than the file that was published"):
        fetch(make(server.url, names=ONE))


@pytest.mark.parametrize(("name", "value"), [("ALL_PROXY", "socks://me:secret@host"), ("SSL_CERT_FILE", "/none.pem")])
def test_settings_of_the_network_matter_only_where_it_is_used(make, server, monkeypatch, name, value):  # noqa: F811
    manifest = make(server.url, names=ONE)
    fetch(manifest)
    monkeypatch.setenv(name, value)
    fetch(manifest)

    with pytest.raises(DownloadError, match="cannot use HTTPS_PROXY, ALL_PROXY or SSL_CERT_FILE") as refused:
        fetch(make(server.url, names=ONE, name="other"))
    assert "secret" not in str(refused.value)


def test_a_manifest_cannot_call_itself_by_another_s_name(make, server):  # noqa: F811
    for name in ("mini", *released()):
        with pytest.raises(UsageError, match=f"{name} is the name of"):
            fetch(make(server.url, names=ONE, name=name))

    assert server.requests == []
