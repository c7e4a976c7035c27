"""Finds what a toolchain is made with: a Python of a given version, and uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import MissingPackageError

Emit = Callable[[Mapping[str, Any]], None]
"""Takes one progress message."""

_PROBE = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


def find_python(version: str, whose: str, uv: str) -> Path:
    """A Python of `version`: this one, one on PATH, in pyenv's folder, or one that uv manages.

    Args:
        version: Such as `3.12`.
        whose: Who needs it, for the error.
        uv: The uv to ask.

    Raises:
        MissingPackageError: There is none.
    """
    for candidate in _candidates(version):
        if found := _probe(candidate, version):
            return found
    told = _run([uv, "python", "find", "--managed-python", "--no-python-downloads", version])
    if told and (found := _probe(Path(told.strip()), version)):
        return found
    raise MissingPackageError(
        f"{whose} needs Python {version}, and there is none here.",
        cause="Looked on PATH, in pyenv's versions and among those that uv manages.",
        fix=f"Type `uv python install {version}`, or on Debian and Ubuntu `sudo apt install python{version}`; then run the "
        "command again.",
    )


def find_uv(root: Path, emit: Emit = lambda _: None) -> str:
    """The uv on PATH, or else one of edgekit's own in `root`, which is installed with pip when it is missing.

    Raises:
        MissingPackageError: There is none and it cannot be had.
    """
    own = root / "uv" / "bin" / "uv"
    for uv in (shutil.which("uv"), str(own)):
        if uv and _run([uv, "--version"]):
            return uv
    emit({"text": "install uv"})
    shutil.rmtree(root / "uv", ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(root / "uv")],
        [str(root / "uv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise MissingPackageError(
                f"uv, which installs toolchains, is not here and cannot be installed: {reason(done.stderr.splitlines())}",
                fix="Install it as https://docs.astral.sh/uv says (`pipx install uv`), then run the command again.",
            )
    return str(own)


def reason(said: Sequence[str]) -> str:
    """What a tool's last words come to: its first line that speaks of an error, and the two after it."""
    lines = [line.strip() for line in said if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.lower().startswith("error")), max(len(lines) - 1, 0))
    return " ".join(lines[start : start + 3])[:400] or "it gave no reason"


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in (f"python{version}", "python3"):
            if folder and (Path(folder) / name).is_file():
                yield Path(folder) / name
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    for made in sorted((pyenv / "versions").glob(f"{version}.*"), reverse=True):
        yield made / "bin" / "python"


def _probe(python: Path, version: str) -> Path | None:
    """The real path of an interpreter, if it runs (a shim of pyenv may not) and has the version."""
    found, _, path = (_run([str(python), "-I", "-c", _PROBE]) or "").strip().partition(" ")
    return Path(path) if found == version else None


def _run(command: Sequence[str]) -> str | None:
    """What a command printed, or None when it is not there or failed."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
