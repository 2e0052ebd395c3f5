import pytest
import tomli_w

from lmgen.checkpoint.manifest import Defaults, Expectation, File, Manifest
from lmgen.errors import IntegrityError, MissingError
from lmgen.store.library import released

GOOD = {
    "name": "m",
    "description": "",
    "licence": "CC0-1.0",
    "words": 33,
    "shape": {"filters": [1] * 8, "highways": 2, "projection": 8, "cells": 8, "layers": 2, "rows": 40},
}


def load(tmp_path, **changes):
    (tmp_path / "m.toml").write_text(tomli_w.dumps({**GOOD, **changes}))
    return Manifest.load(tmp_path / "m.toml")


def test_the_release_is_known_with_its_fourteen_files():
    lm1b = released()["lm1b"]

    assert len(lm1b.files) == 14
    assert lm1b.shape.parameters == 1_042_864_896
    assert lm1b.words == 793_471
    assert all(file.md5 for file in lm1b.files.values())
    assert [name for name, file in lm1b.files.items() if not file.sha512] == ["ckpt-lstm"]
    assert 4.1e9 < lm1b.size < 4.3e9
    assert lm1b.mirrors[0].startswith("https://")


def test_what_is_saved_is_loaded(tmp_path):
    manifest = Manifest(
        **{**vars(load(tmp_path)), "mirrors": ("https://a.example/",), "training": {"steps": 3}},
    )
    full = Manifest(
        **{
            **vars(manifest),
            "files": {"ckpt-base": File(sha256="a" * 64), "ckpt-lstm": File(md5="b" * 32, size=9, path="x/ckpt-lstm")},
            "expectations": (Expectation("me", "the cat", bits=(1.0, 2.5)), Expectation("me", "a", top=("b c", "d"))),
        }
    )
    full.save(tmp_path / "saved.toml")

    assert Manifest.load(tmp_path / "saved.toml") == full


@pytest.mark.parametrize(
    ("changes", "carries"),
    [
        ({}, True),
        ({"context": "stream"}, True),
        ({"context": "sentence"}, False),
        ({"training": {"recipe": {"context": "sentence"}}}, False),
        ({"training": {"recipe": {"context": "sentence"}}, "context": "stream"}, True),
        ({"training": {"recipe": "a cake"}}, True),
    ],
)
def test_the_state_is_carried_over_a_sentence_s_end_as_in_training(tmp_path, changes, carries):
    assert (load(tmp_path, **changes).carried == "stream") is carries


def test_what_reads_best_of_a_model_is_in_its_manifest(tmp_path):
    loaded = load(tmp_path, generation={"temperature": 0.7, "top_p": 0.95})
    loaded.save(tmp_path / "saved.toml")

    assert (loaded.generation.temperature, loaded.generation.top_p) == (0.7, 0.95)
    assert Manifest.load(tmp_path / "saved.toml") == loaded
    assert load(tmp_path).generation == Defaults(1.0, 1.0)


def test_a_checksum_alone_stands_for_a_file(tmp_path):
    assert load(tmp_path, files={"ckpt-base": "a" * 64}).files == {"ckpt-base": File(sha256="a" * 64)}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"colour": "red"}, "colour"),
        ({"context": "paragraph"}, "context must be one of"),
        ({"generation": {"temperature": -1.0}}, "out of range"),
        ({"generation": {"top_p": 1.5}}, "out of range"),
        ({"generation": {"top_k": 3}}, "top_k"),
        ({"shape": {**GOOD["shape"], "depth": 3}}, "depth"),
        ({"files": {"ckpt-base": {"sha1": "a"}}}, "sha1"),
        ({"files": {"../ckpt-base": "a" * 64}}, "../ckpt-base"),
        ({"files": {"a/b": "a" * 64}}, "a/b"),
        ({"files": {"/etc/passwd": "a" * 64}}, "passwd"),
        ({"files": {".bashrc": "a" * 64}}, ".bashrc"),
        ({"files": {"a\\b": "a" * 64}}, "cannot be the name"),
        ({"files": {"ckpt-base": "a" * 63}}, "64 digits"),
        ({"files": {"ckpt-base": {"md5": "Z" * 32}}}, "32 digits"),
        ({"files": {"ckpt-base": {"md5": "a" * 32, "path": "../../x"}}}, "leaves the mirror"),
        ({"name": "../evil"}, "../evil"),
        ({"mirrors": ["file:///etc"]}, "not an http address"),
        ({"mirrors": "https://a.example"}, "not an http address"),
        ({"words": "many"}, "words"),
        ({"words": None}, "words"),
        ({"shape": {**GOOD["shape"], "cells": 9}}, "multiple of 8"),
        ({"expectations": [{"source": "", "words": "a", "bits": [1.0, 2.0]}]}, "too many"),
        ({"expectations": [{"source": "", "words": "a", "starts": ["there"]}]}, "may start with"),
    ],
)
def test_what_a_manifest_should_not_say_is_refused(tmp_path, changes, problem):
    changes = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    (tmp_path / "m.toml").write_text(tomli_w.dumps(changes))
    with pytest.raises(IntegrityError, match="m.toml is not a model's manifest") as refusal:
        Manifest.load(tmp_path / "m.toml")

    assert problem in str(refusal.value)


@pytest.mark.parametrize("text", ["", "= 3", "\x00", "name = 'm'"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(IntegrityError):
        Manifest.load(tmp_path / "m.toml")


def test_a_manifest_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingError, match="cannot read"):
        Manifest.load(tmp_path / "m.toml")
