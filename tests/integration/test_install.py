"""The wheel in a fresh environment, by plain pip and with no extra: what works without engines works, the rest says how."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `edgekit` command of an environment that `pip install dist/*.whl` made."""
    folder = tmp_path_factory.mktemp("install")
    uv = shutil.which("uv")
    build = [uv, "build", "--wheel"] if uv else [sys.executable, "-m", "build", "--wheel"]
    subprocess.run([*build, "--out-dir" if uv else "--outdir", folder / "dist", ROOT], check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv" / "bin" / "pip", "install", "--quiet", wheel], check=True)
    return folder / "venv" / "bin" / "edgekit"


def run(command: Path, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the installed command far from the checkout, with nothing of this environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    env.update(EDGEKIT_HOME=str(cwd / "home"), NO_COLOR="1", COLUMNS="120")
    return subprocess.run([command, *map(str, words)], capture_output=True, text=True, cwd=cwd, env=env)


def test_help_of_every_verb(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for verb in ("run", "convert", "bench", "doctor"):
        assert verb in done.stdout
        assert run(installed, verb, "--help", cwd=tmp_path).returncode == 0


def test_recipes_and_devices_come_with_the_package(installed: Path, tmp_path: Path) -> None:
    assert "digits" in run(installed, "recipes", "list", cwd=tmp_path).stdout
    shown = run(installed, "recipes", "show", "digits", cwd=tmp_path)
    assert shown.stdout == (ROOT / "recipes" / "digits.yaml").read_text()
    devices = run(installed, "devices", "list", cwd=tmp_path)
    assert devices.returncode == 0, devices.stderr
    for profile in (ROOT / "devices").glob("*.yaml"):
        assert profile.stem in devices.stdout


def test_targets_say_what_is_missing_and_what_installs_it(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "targets", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "missing" in done.stdout
    assert "pip install 'edgekit-ml[" in done.stdout
    assert "ready" not in done.stdout


def test_doctor_finds_no_problem_in_a_bare_installation(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "edgekit-ml[" in done.stdout


def test_convert_says_which_extra_it_needs(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "convert", tiny.onnx(tmp_path), "--target", "openvino-fp32", cwd=tmp_path)
    assert done.returncode == 14
    assert "is not installed" in done.stderr
    assert "Fix: pip install 'edgekit-ml[" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("float*/"))
