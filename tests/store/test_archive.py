import io
import shutil
import tarfile

import pytest

from lmgen.errors import DownloadError, IntegrityError, MissingError, UsageError
from lmgen.store.archive import export, import_archive, import_folder
from lmgen.store.home import own_folder, partial_folder
from lmgen.store.library import find, remove


@pytest.fixture
def archive(tiny_folder, tmp_path):
    export(find(str(tiny_folder)), tmp_path / "tiny.tar")
    return tmp_path / "tiny.tar"


def taken_in(data, name=""):
    return import_archive(io.BytesIO(data), name)


def tar(*members):
    """An archive of (TarInfo, bytes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for member, data in members:
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return out.getvalue()


def entry(name, **facts):
    member = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(member, key, value)
    return member


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_exported_is_imported_byte_for_byte(archive, tiny_folder):
    folder = taken_in(archive.read_bytes())

    assert folder == own_folder("tiny")
    assert contents(tiny_folder) == contents(folder)
    assert find("tiny").manifest.name == "tiny"


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_a_compressed_archive_is_taken_in_too(archive, tiny_folder, tmp_path, kind):
    with tarfile.open(tmp_path / "t", f"w:{kind}") as file:
        file.add(tiny_folder, "anything")

    assert contents(tiny_folder) == contents(taken_in((tmp_path / "t").read_bytes()))


def test_an_export_s_folder_and_owner_tell_nothing_of_the_machine(archive):
    with tarfile.open(archive) as file:
        assert {(member.uid, member.uname) for member in file} == {(0, "")}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_an_archive_cut_short_is_refused_and_leaves_nothing(archive, share):
    data = archive.read_bytes()
    with pytest.raises((IntegrityError, MissingError)):
        taken_in(data[: int(len(data) * share)])

    assert not own_folder("tiny").exists()
    assert not partial_folder(".import").exists()


def test_what_is_no_archive_is_refused():
    with pytest.raises(IntegrityError, match="not a tar archive"):
        taken_in(b"the cat sat" * 1000)


@pytest.mark.parametrize(
    "member",
    [
        entry("../ckpt-base"),
        entry("/tmp/ckpt-base"),
        entry("tiny/../../ckpt-base"),
        entry("a/b/ckpt-base"),
        entry("tiny/ckpt-base", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("tiny/ckpt-base", type=tarfile.LNKTYPE, linkname="../../secret"),
        entry("tiny/ckpt-base", type=tarfile.FIFOTYPE),
        entry("tiny/ckpt-base", type=tarfile.CHRTYPE),
        entry("tiny/.bashrc"),
        entry("tiny/ckpt-base.1"),
        entry("tiny/model.toml.exe"),
    ],
    ids="parent absolute inner deep symlink hardlink fifo device hidden extra stranger".split(),
)
def test_a_member_that_is_no_plain_file_of_a_model_is_refused(member, tmp_path):
    with pytest.raises(IntegrityError, match="make the archive with"):
        taken_in(tar((member, b"")))

    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert not (tmp_path / "home" / "models").exists()


def test_a_member_that_comes_twice_is_refused():
    with pytest.raises(IntegrityError, match="twice"):
        taken_in(tar((entry("t/ckpt-base"), b"a"), (entry("t/ckpt-base"), b"b")))


def test_a_member_larger_than_the_disk_is_refused():
    header = entry("t/ckpt-base")
    header.size = 10**15
    with pytest.raises(DownloadError, match="are needed"):
        taken_in(header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096)


def test_a_changed_file_is_refused_by_name(archive, tiny_folder, tmp_path):
    changed = shutil.copytree(tiny_folder, tmp_path / "changed")
    data = bytearray((changed / "ckpt-lstm").read_bytes())
    data[50] ^= 1
    (changed / "ckpt-lstm").write_bytes(data)
    with pytest.raises(IntegrityError, match="ckpt-lstm is damaged"):
        import_folder(changed)

    assert not own_folder("tiny").exists()


def test_a_model_that_calls_itself_lm1b_must_be_it(tiny_folder):
    before = contents(tiny_folder)
    with pytest.raises(IntegrityError, match="graph-2016-09-10.pbtxt is missing"):
        import_folder(tiny_folder, "lm1b")

    assert contents(tiny_folder) == before


def test_a_name_can_be_given(archive):
    assert taken_in(archive.read_bytes(), "other") == own_folder("other")


def test_a_folder_without_a_manifest_is_called_as_it_is_called(released_folder, tmp_path):
    folder = shutil.copytree(released_folder, tmp_path / "mine")

    assert import_folder(folder) == own_folder("mine")


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "mini", "x" * 200])
def test_a_name_that_cannot_be_is_refused(archive, name):
    with pytest.raises(UsageError):
        taken_in(archive.read_bytes(), name)


def test_a_model_that_is_here_is_not_overwritten(archive):
    taken_in(archive.read_bytes())
    with pytest.raises(UsageError, match="tiny is here already: `lmgen models rm tiny` first"):
        taken_in(archive.read_bytes())


def test_what_a_killed_import_left_is_cleared_away(archive):
    partial_folder(".import").mkdir(parents=True)
    (partial_folder(".import") / "ckpt-base").write_text("half")
    folder = taken_in(archive.read_bytes())

    assert len(contents(folder)) == 15


def test_a_removed_model_is_gone_with_what_was_begun_of_it(archive):
    taken_in(archive.read_bytes())
    partial_folder("tiny").mkdir(parents=True)
    remove("tiny")

    assert not own_folder("tiny").exists()
    assert not partial_folder("tiny").exists()
    with pytest.raises(MissingError):
        remove("tiny")


def test_removing_a_link_leaves_what_it_points_to(tiny_folder):
    own_folder("linked").parent.mkdir(parents=True)
    own_folder("linked").symlink_to(tiny_folder)
    remove("linked")

    assert not own_folder("linked").is_symlink()
    assert len(contents(tiny_folder)) == 15


@pytest.mark.parametrize("name", ["mini", "."])
def test_what_is_not_one_s_own_is_not_removed(name):
    with pytest.raises(UsageError, match="not a model under"):
        remove(name)


def test_an_export_that_fails_leaves_no_file(tiny_folder, tmp_path):
    with pytest.raises(MissingError, match="cannot write"):
        export(find(str(tiny_folder)), tmp_path / "absent" / "tiny.tar")
