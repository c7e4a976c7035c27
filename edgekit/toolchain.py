"""Tools whose pinned packages fit nobody else's: each gets an environment of its own, made by uv when it is first needed.

An environment lies in `<edgekit home>/toolchains/<name>-<digest of its declaration>`. It is built in a folder beside and
renamed when it is complete; uv makes it relocatable, so that its scripts work after the rename. Whatever is found under
the final name is therefore whole, and an install that was killed leaves only a folder that the next one removes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.pythons import Emit, find_python, find_uv, reason

FACTS = "toolchain.json"
"""What an environment was made of, inside it."""

_STEPS = 3
_DIGEST = 12 * "[0-9a-f]"


@dataclass(frozen=True)
class Toolchain:
    """A declaration, written in the file of the plugin that needs it.

    Attributes:
        name: Its name on the command line, such as `onnx2tf`.
        python: The Python it wants, such as `3.12`.
        requirements: Every package with its exact version, those that packages need included: nothing is resolved at
            install time, so that the same declaration is the same environment next year.
        purpose: What it is for, in a few words.
    """

    name: str
    python: str
    requirements: tuple[str, ...]
    purpose: str = ""

    def __post_init__(self) -> None:
        for requirement in self.requirements:
            if "==" not in requirement:
                raise ValueError(f"{self.name}: {requirement} has no exact version")

    @property
    def folder(self) -> str:
        """The name of its environment's folder; another declaration has another."""
        text = json.dumps([self.python, sorted(self.requirements)])
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Installed:
    """One row of `edgekit toolchains list`.

    Attributes:
        name: The toolchain.
        purpose: What it is for.
        needed_by: The plugins that declare it.
        installed: Whether its environment is there.
        python: The interpreter it was made with, or the version it wants.
        folder: Its environment.
        size_bytes: Size on disk; files that uv shares with its own cache count in full.
        outdated: Environments of earlier declarations, which nothing uses any more.
    """

    name: str
    purpose: str
    needed_by: tuple[str, ...]
    installed: bool
    python: str
    folder: str
    size_bytes: int
    outdated: tuple[str, ...]


def declared() -> dict[str, Toolchain]:
    """Every toolchain that a plugin declares, by name."""
    return {chain.name: chain for chain, _ in _declarations()}


def named(name: str) -> Toolchain:
    """The toolchain `name`.

    Raises:
        UnknownNameError: No plugin declares it.
    """
    known = declared()
    if name not in known:
        raise registry.unknown("toolchain", name, known)
    return known[name]


def ensure(toolchain: Toolchain, root: Path, emit: Emit = lambda _: None) -> Path:
    """The folder of the toolchain's environment, installed first when it is not there; needs no network when it is.

    Raises:
        MissingPackageError: There is no fitting Python or no uv, or a package cannot be had.
        WriteError: `root` cannot be written.
        DiskSpaceError: The disk is full.
    """
    final = root / toolchain.folder
    if is_installed(final):
        return final
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root, toolchain, emit):
            if not is_installed(final):
                _install(toolchain, root, final, emit)
    except OSError as problem:
        raise errors.from_os_error(problem, problem.filename or root, writing=True) from problem
    return final


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / "bin" / "python"


def environment(folder: Path) -> dict[str, str]:
    """What a child process in an environment needs: its scripts first on PATH, and nothing of the parent's packages."""
    path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1", "VIRTUAL_ENV": str(folder)}


def listing(root: Path) -> list[Installed]:
    """Every declared toolchain, and what is installed of it."""
    rows = []
    for chain in sorted(declared().values(), key=lambda chain: chain.name):
        folder = root / chain.folder
        there = is_installed(folder)
        rows.append(
            Installed(
                name=chain.name,
                purpose=chain.purpose,
                needed_by=tuple(plugin for each, plugin in _declarations() if each.name == chain.name),
                installed=there,
                python=_facts(folder)["python"] if there else chain.python,
                folder=str(folder),
                size_bytes=_size_bytes(folder) if there else 0,
                outdated=tuple(path.name for path in _folders(root, chain) if path != folder),
            )
        )
    return rows


def remove(toolchain: Toolchain, root: Path) -> int:
    """Removes a toolchain's environments, outdated ones too, and returns the bytes that were freed."""
    if not root.is_dir():
        return 0
    freed = 0
    with _lock(root, toolchain, lambda _: None):
        _sweep(root, toolchain)
        for folder in _folders(root, toolchain):
            freed += _size_bytes(folder)
            doomed = folder.with_name(f".{folder.name}.removed")  # half removed, it must not be taken for complete
            folder.rename(doomed)
            shutil.rmtree(doomed)
    return freed


def _install(toolchain: Toolchain, root: Path, final: Path, emit: Emit) -> None:
    _sweep(root, toolchain)
    emit({"step": 0, "steps": _STEPS, "text": f"look for uv and Python {toolchain.python}"})
    uv = _locked_uv(root, emit)
    python = find_python(toolchain.python, f"The toolchain {toolchain.name}", uv)
    building = Path(tempfile.mkdtemp(prefix=f".{toolchain.folder}.", dir=root))
    try:
        emit({"step": 1, "steps": _STEPS, "text": f"make an environment with {python}"})
        _uv(toolchain, [uv, "venv", "--quiet", "--relocatable", "--python", str(python), str(building / "env")], root, emit)
        wanted = building / "requirements.txt"
        wanted.write_text("\n".join(toolchain.requirements) + "\n", encoding="utf-8")
        emit({"step": 2, "steps": _STEPS, "text": f"install the packages: {len(toolchain.requirements)}"})
        into = ["--python", str(interpreter(building / "env")), "--no-deps", "--only-binary", ":all:"]
        _uv(toolchain, [uv, "pip", "install", "--no-progress", *into, "--requirements", str(wanted)], root, emit)
        facts = {"name": toolchain.name, "python": str(python), "requirements": toolchain.requirements}
        (building / "env" / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)  # there only when its Python is gone
        (building / "env").rename(final)
        emit({"step": _STEPS, "steps": _STEPS, "text": f"{toolchain.name} is installed"})
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _uv(toolchain: Toolchain, command: Sequence[str], cwd: Path, emit: Emit) -> None:
    """Runs uv where no project's settings reach it, and passes on what it says."""
    said: list[str] = []
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                said.append(line.strip())
                emit({"text": line.strip()})
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise errors.MissingPackageError(
            f"The toolchain {toolchain.name} could not be installed: {reason(said)}",
            cause="The package index cannot be reached, or has no wheel of a package for this machine.",
            fix="Check the network (uv takes a mirror from UV_DEFAULT_INDEX), then type "
            f"`edgekit toolchains install {toolchain.name}`.",
        )


def _locked_uv(root: Path, emit: Emit) -> str:
    with (root / "uv.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        return find_uv(root, emit)


@contextmanager
def _lock(root: Path, toolchain: Toolchain, emit: Emit) -> Iterator[None]:
    with (root / f"{toolchain.name}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            emit({"text": f"wait for another process that works on the toolchain {toolchain.name}"})
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _sweep(root: Path, toolchain: Toolchain) -> None:
    """Removes what a killed install or removal left; the caller holds the lock, so that nobody is at work there."""
    for left in root.glob(f".{toolchain.name}-{_DIGEST}*"):
        shutil.rmtree(left, ignore_errors=True)


def is_installed(folder: Path) -> bool:
    """Whether an environment is there and its Python still exists."""
    return (folder / FACTS).is_file() and interpreter(folder).exists()


def _folders(root: Path, toolchain: Toolchain) -> list[Path]:
    return sorted(path for path in root.glob(f"{toolchain.name}-{_DIGEST}") if path.is_dir())


def _facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts


def _size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _declarations() -> list[tuple[Toolchain, str]]:
    plugins = [plugin for kind in ("converters", "passes") for plugin in registry.every(kind)]
    return [(plugin.toolchain, plugin.name) for plugin in plugins if getattr(plugin, "toolchain", None)]
