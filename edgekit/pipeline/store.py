"""The content-addressed store: a step's result is a folder named by the digest of everything that went into it.

Layout of the home folder (`$EDGEKIT_HOME`, else `$XDG_CACHE_HOME/edgekit`, else `~/.cache/edgekit`):

    store/<digest>/     finished results, never changed
    partial/<digest>/   what an unfinished step keeps to resume (training checkpoints)
    building/           folders that are being written; renamed into store/ when complete
    locks/  logs/
    toolchains/         environments of tools that need their own (`edgekit.toolchain`)
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import errors
from edgekit.core.serde import dumps

KEY = "key.json"
"""What went into a result, beside it in the store, for a person who wants to know."""

TOOLCHAINS = "toolchains"
"""The folder of the home folder that `edgekit.toolchain` keeps."""


def home() -> Path:
    """The folder that holds the store."""
    if chosen := os.environ.get("EDGEKIT_HOME"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "edgekit"


def digest_of(parts: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, of JSON values in canonical form."""
    return hashlib.sha256(dumps(parts).encode()).hexdigest()


def code_digest(*parts: Any) -> str:
    """Changes when the code that made a result changes, so that new code does not answer with old code's results.

    Args:
        parts: Modules, or objects of plugins; every file in the folder that holds one counts.
    """
    import inspect

    folders = {Path(inspect.getfile(part if inspect.ismodule(part) else type(part))).parent for part in parts}
    files = sorted(file for folder in folders for file in folder.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A finished result: its folder, and whether it was there before it was asked for."""

    path: Path
    cached: bool


class Store:
    """Results by digest; safe to share between threads and between processes.

    Args:
        root: The home folder; made when missing.
        fresh: Make everything anew, as if nothing were stored.

    Raises:
        WriteError: The folder cannot be written.
    """

    def __init__(self, root: Path | None = None, *, fresh: bool = False) -> None:
        self.root = root or home()
        self._fresh = fresh
        self._made: set[str] = set()
        self._threads: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        try:
            for name in ("store", "partial", "building", "locks", "logs"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise errors.from_os_error(problem, self.root, writing=True) from problem
        self._sweep()

    def produce(self, parts: Mapping[str, Any], make: Callable[[Path], None]) -> Entry:
        """The result for `parts`: from the store, or made by `make(folder)` in a folder that becomes it when complete.

        Two callers of the same parts at once: one makes, the other waits and gets the result.

        Raises:
            EdgekitError: What `make` raised; nothing is left behind.
        """
        digest = digest_of(parts)
        final = self.root / "store" / digest
        with self._lock(digest):
            if final.is_dir() and (not self._fresh or digest in self._made):
                os.utime(final)
                return Entry(final, cached=True)
            building = self.temporary(digest[:12])
            try:
                make(building)
                (building / KEY).write_text(dumps(parts, indent=2) + "\n", encoding="utf-8")
                building.chmod(0o755)
                if final.is_dir():
                    shutil.rmtree(final)
                building.rename(final)
            except OSError as problem:
                raise errors.from_os_error(problem, problem.filename or self.root, writing=True) from problem
            finally:
                shutil.rmtree(building, ignore_errors=True)
            self._made.add(digest)
            shutil.rmtree(self.root / "partial" / digest, ignore_errors=True)
            return Entry(final, cached=False)

    def discard(self, entry: Path) -> None:
        """Removes a result that turned out to be damaged."""
        shutil.rmtree(entry, ignore_errors=True)

    def partial(self, parts: Mapping[str, Any]) -> Path:
        """A folder in which an unfinished step keeps what it needs to resume; gone once `produce` has its result."""
        folder = self.root / "partial" / digest_of(parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def temporary(self, name: str = "tmp") -> Path:
        """A new empty folder; the next store on this home removes it when this process is gone."""
        return Path(tempfile.mkdtemp(prefix=f"{name}.{os.getpid()}.", dir=self.root / "building"))

    def log(self, name: str) -> Path:
        """The log file of a child process."""
        return self.root / "logs" / f"{name}.log"

    @contextmanager
    def _lock(self, digest: str) -> Iterator[None]:
        with self._guard:
            mine = self._threads.setdefault(digest, threading.Lock())
        with mine, (self.root / "locks" / digest).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _sweep(self) -> None:
        for folder in (self.root / "building").iterdir():
            owner = folder.name.split(".")[1] if folder.name.count(".") >= 2 else ""
            if not owner.isdigit() or not _alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def place(source: Path, destination: Path, marker: str) -> None:
    """Copies a finished folder to `destination`, atomically; replaces only a folder that holds a file named `marker`.

    Raises:
        UsageError: Something else is already there.
        WriteError: No permission.
        DiskSpaceError: No space.
    """
    if destination.exists() and not (destination / marker).is_file():
        raise errors.UsageError(
            f"{destination} exists and was not written by edgekit.", fix="Choose another --out, or remove it yourself."
        )
    building = destination.with_name(f".{destination.name}.{os.getpid()}.{threading.get_ident()}")
    for left in destination.parent.glob(f".{destination.name}.*.*"):
        if left.suffixes[-2].removeprefix(".").isdigit() and not _alive(int(left.suffixes[-2].removeprefix("."))):
            shutil.rmtree(left, ignore_errors=True)
    missing = [folder for folder in destination.parents if not folder.exists()]
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        building.mkdir()
        for file in source.iterdir():
            if file.name != KEY:
                shutil.copyfile(file, building / file.name)
        if destination.exists():
            shutil.rmtree(destination)
        building.rename(destination)
    except OSError as problem:
        shutil.rmtree(building, ignore_errors=True)
        for folder in missing:
            with suppress(OSError):  # somebody else may have put something there meanwhile
                folder.rmdir()
        raise errors.from_os_error(problem, destination, writing=True) from problem
    finally:
        shutil.rmtree(building, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Refuses an output folder that cannot be written, before any work is done for it.

    Raises:
        WriteError: It, or the nearest folder above it that exists, is read-only or is a file.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        why = "not a folder" if not existing.is_dir() else "read-only for you"
        raise errors.WriteError(
            f"{folder} cannot be written: {existing} is {why}.", fix="Choose a folder you own with --out."
        )


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
