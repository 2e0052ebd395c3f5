"""`lmgen download` and `lmgen models`, as a user meets them."""

import hashlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys

import pytest

import mirror
from lmgen.checkpoint.manifest import Manifest
from lmgen.engines.litert_files import cached
from lmgen.store.home import own_folder
from lmgen.store.library import find

from conftest import start_lmgen


@pytest.fixture
def server(tiny_folder, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with mirror.Mirror({path.name: path.read_bytes() for path in tiny_folder.iterdir()}) as served:
        yield served


@pytest.fixture
def manifest(server, tiny_folder, tmp_path):
    """A manifest file of the tiny model under the name toy."""
    from dataclasses import replace

    manifest = replace(Manifest.load(tiny_folder / "model.toml"), name="toy", mirrors=(server.url,))
    manifest.save(tmp_path / "toy.toml")
    return tmp_path / "toy.toml"


def test_a_downloaded_model_runs(lmgen, manifest):
    result = lmgen("download", manifest)

    assert (result.exit_code, result.out) == (0, f"{own_folder('toy')}\n")
    assert result.err.startswith("toy: about 0.4 MB to fetch into ")
    assert "toy: 14 files verified, 14 of them downloaded now" in result.err
    assert lmgen("complete", "-m", "toy", "the", "--max-words", 3, "--seed", 1).exit_code == 0
    assert {line.split("\t")[2] for line in lmgen("models", "verify", "toy").out.splitlines()} == {"ok"}


def test_quiet_prints_only_the_folder(lmgen, manifest):
    for _ in range(2):
        assert lmgen("download", "-q", manifest) == (0, f"{own_folder('toy')}\n", "")


def test_what_is_still_lacking_is_told(lmgen, manifest):
    result = lmgen("download", manifest, "--files", "*softmax*", "--files", "*-tiny.*")

    assert result.err.splitlines()[-1] == "it still lacks ckpt-base, ckpt-char-embedding, ckpt-lstm"


def test_a_dry_run_tells_and_fetches_nothing(lmgen, manifest, server):
    result = lmgen("download", manifest, "--dry-run", "--files", "ckpt-b*")

    assert result.out.split("\t") == ["ckpt-base", "missing", "163", f"{server.url}ckpt-base\n"]
    assert server.requests == []
    assert not own_folder("toy").exists()


def test_the_default_model_needs_no_download(lmgen):
    result = lmgen("download")

    assert result.exit_code == 0
    assert result.out.endswith("/models/mini\n")
    assert "mini is here, verified" in result.err
    assert "lmgen download lm1b (4.2 GB)" in result.err


def test_faults_are_told_by_name(lmgen, manifest, server):
    server.faults = {"ckpt-base": [mirror.wrong_bytes] * 9, "vocab-tiny.txt": [mirror.cut(3)]}
    result = lmgen("download", manifest)

    assert (result.exit_code, result.out) == (4, "")
    assert "ckpt-base from 127.0.0.1 is not the file that was published" in result.err.splitlines()[-1]
    assert "vocab-tiny.txt: " in result.err


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["absent"], 3, "no model or folder 'absent'"),
        (["absent.toml"], 3, "cannot read absent.toml"),
        (["lm1b", "--from", "nowhere"], 2, "neither an http address nor a folder"),
        (["lm1b", "--files", "weights*"], 2, "no file of lm1b matches"),
        (["lm1b", "--from", "."], 3, "lacks graph-2016-09-10.pbtxt, vocab-2016-09-10.txt, ckpt-base,"),
        (["lm1b", "--offline"], 5, "LMGEN_OFFLINE"),
        (["lm1b", "--from", "http://127.0.0.1:1/"], 5, "from 127.0.0.1: 127.0.0.1: [Errno"),
    ],
)
def test_a_download_that_cannot_be_is_refused_in_one_line(lmgen, arguments, exit_code, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = lmgen("download", "-q", *arguments)

    assert (result.exit_code, result.out) == (exit_code, "")
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_offline_can_come_from_the_environment(lmgen, monkeypatch):
    monkeypatch.setenv("LMGEN_OFFLINE", "1")

    assert lmgen("download", "lm1b", "-q").exit_code == 5
    assert lmgen("download").exit_code == 0


def test_no_traceback_and_no_tensorflow_is_met_on_the_way(manifest):
    code = f"import sys; from lmgen.cli import main; main(['download', {str(manifest)!r}, '-q'])"
    code += "; main(['models', 'verify', 'toy']); sys.exit('tensorflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (result.returncode, result.stderr) == (0, b"")


def on_a_terminal(*arguments, answer):
    """What lmgen shows on a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    process = start_lmgen(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "COLUMNS": "150"})
    os.close(theirs)
    os.write(ours, answer)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            break
    os.close(ours)
    return shown.decode(), process.wait(20)


def test_on_a_terminal_it_asks_and_shows_bars(manifest):
    shown, code = on_a_terminal("download", manifest, answer=b"y\nn\n")

    assert code == 0
    assert "Continue? [Y/n]" in shown
    assert "Convert it for the fast engine" in shown
    assert not (own_folder("toy") / "litert-fast").exists()
    for name in ("total", "ckpt-lstm", "vocab-tiny.txt"):
        assert name in shown
    assert re.search(r"\d (bytes|[kMG]B)/s", shown)


def test_no_is_an_answer(manifest, server):
    shown, code = on_a_terminal("download", manifest, answer=b"n\n")

    assert code == 1
    assert "nothing was fetched" in shown
    assert server.requests == []


def test_with_yes_it_does_not_ask(manifest):
    shown, code = on_a_terminal("download", "-y", manifest, answer=b"")

    assert code == 0
    assert "Continue?" not in shown
    assert (own_folder("toy") / "litert-fast" / "converted.toml").exists()


def test_models_travel_by_export_and_import(lmgen, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lmgen("models", "export", tiny_folder, "-o", "tiny.tar").exit_code == 0
    assert lmgen("models", "import", "tiny.tar", "--name", "toy") == (0, f"{own_folder('toy')}\n", "")
    assert lmgen("models", "import", own_folder("toy"), "--name", "second").exit_code == 0
    converted = cached(find("toy"), "fast")  # where it goes if the model's folder cannot be written to
    converted.mkdir(parents=True)
    assert lmgen("models", "rm", "toy").exit_code == 0
    assert not own_folder("toy").exists()
    assert not converted.exists()
    assert lmgen("models", "path", "second").out == f"{own_folder('second')}\n"


def test_an_export_can_be_piped_into_an_import(tiny_folder):
    one = start_lmgen("models", "export", tiny_folder, "-o", "-")
    other = start_lmgen("models", "import", "-", "--name", "piped", stdin=one.stdout)
    out, err = other.communicate(timeout=60)

    assert (one.wait(), other.returncode, err) == (0, 0, b"")
    assert out.decode() == f"{own_folder('piped')}\n"


def test_a_damaged_file_is_found_by_verify(lmgen, tiny_folder):
    shutil.copytree(tiny_folder, own_folder("toy"))
    (own_folder("toy") / "ckpt-softmax2").write_bytes(b"")
    (own_folder("toy") / "ckpt-base").unlink()
    result = lmgen("models", "verify", "toy", "--format", "json")
    states = {row["file"]: row["state"] for row in json.loads(result.out)}

    assert result.exit_code == 4
    assert "toy: ckpt-base is missing, toy: ckpt-softmax2 is damaged" in result.err
    assert states.pop("ckpt-base") == "missing"
    assert states.pop("ckpt-softmax2") == "damaged"
    assert set(states.values()) == {"ok"}


def test_all_models_are_verified_where_none_is_named(lmgen, tiny_folder):
    shutil.copytree(tiny_folder, own_folder("toy"))

    assert {line.split("\t")[0] for line in lmgen("models", "verify").out.splitlines()} == {"mini", "toy"}


def test_a_folder_without_checksums_says_what_to_do(lmgen, released_folder):
    result = lmgen("models", "verify", released_folder)

    assert result.exit_code == 3
    assert "--as" in result.err
    assert lmgen("models", "verify", released_folder, "--as", "lm1b").exit_code == 4
    assert lmgen("models", "verify", released_folder, "--as", "lm2b").exit_code == 3


def test_the_release_is_shown_before_it_is_here(lmgen):
    listed = {row["name"]: row for row in json.loads(lmgen("models", "list", "--format", "json").out)}
    shown = json.loads(lmgen("models", "show", "lm1b", "--format", "json").out)

    assert listed["lm1b"] == shown
    assert (shown["folder"], shown["words"], shown["licence"]) == (None, 793_471, "Apache-2.0")
    assert "lmgen download lm1b" in lmgen("models", "show", "lm1b").out
    for command in (["complete", "-m", "lm1b"], ["models", "path", "lm1b"], ["models", "selftest", "lm1b"]):
        result = lmgen(*command)
        assert result.exit_code == 3
        assert "run `lmgen download lm1b`" in result.err


def test_half_a_download_is_told_as_such(lmgen, manifest):
    own_folder("lm1b").mkdir(parents=True)
    result = lmgen("complete", "-m", "lm1b")

    assert result.exit_code == 3
    assert "`lmgen download lm1b` does" in result.err


def test_the_manifest_s_checksums_are_those_of_the_files(manifest, tiny_folder):
    for name, file in Manifest.load(manifest).files.items():
        assert hashlib.sha256((tiny_folder / name).read_bytes()).hexdigest() == file.sha256
