"""Workshop: one warm child process an engine, so that TensorFlow is imported once and its crash ends one step only."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from edgekit import registry, toolchain
from edgekit.pipeline.store import TOOLCHAINS, Store
from edgekit.worker import Worker

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",  # conversions run on the CPU, where every machine gives the same file
    "PYTHONHASHSEED": "0",
}

_KINDS = {"convert": "converters", "apply": "passes"}
"""The chores whose plugin may declare a toolchain, and the plugin's kind."""


class Workshop:
    """Runs `edgekit.pipeline.chores` functions in child processes; safe to call from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._workers: dict[str, tuple[Worker, threading.Lock]] = {}
        self._temporary = store.temporary()

    def call(
        self,
        engine: str,
        chore: str,
        payload: Mapping[str, Any],
        on_event: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> dict[str, Any]:
        """Runs chore `chore` in the child process of `engine`, or of the toolchain that its plugin declares.

        Raises:
            EdgekitError: What the chore raised.
            CrashError: The child died; the next call starts another.
            MissingPackageError: The toolchain cannot be installed.
        """
        # What a library leaves in the temporary folder when its process is ended goes with this workshop.
        environment = {**_QUIET, "TMPDIR": str(self._temporary)}
        python = None
        plugin = registry.get(_KINDS[chore], payload["plugin"]) if chore in _KINDS else None
        if declared := getattr(plugin, "toolchain", None):
            folder = toolchain.ensure(declared, self._store.root / TOOLCHAINS, on_event)
            python = toolchain.interpreter(folder)
            environment |= toolchain.environment(folder)
            payload = {**payload, "reference": registry.reference(_KINDS[chore], payload["plugin"])}
        with self._guard:
            if engine not in self._workers:
                self._workers[engine] = (Worker(self._store.log(engine), environment, python), threading.Lock())
        worker, turn = self._workers[engine]
        with turn:
            return worker.call(f"edgekit.pipeline.chores:{chore}", payload, on_event)

    def close(self) -> None:
        """Ends every child process."""
        for worker, _ in self._workers.values():
            worker.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
