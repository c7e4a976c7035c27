"""Progress: how the pipeline tells what it is doing, and where the time went."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edgekit.core.report import TimeSpent

STAGES = ("train", "convert", "infer", "measure", "report")
"""Work done by training, tools and runtimes; all else is edgekit's own overhead."""


class Progress:
    """Counts steps and time; this one is silent, the command line shows it."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._done: dict[str, int] = defaultdict(int)
        self._cached: dict[str, int] = defaultdict(int)
        self._guard = threading.Lock()

    @contextmanager
    def step(self, stage: str, label: str) -> Iterator[Step]:
        """One step of a stage; shown as running until the block ends."""
        step = Step(self, label)
        self.begin(step)
        started = time.perf_counter()
        try:
            yield step
        finally:
            with self._guard:
                self._seconds[stage] += time.perf_counter() - started
                self._done[stage] += 1
            self.end(step)

    def cached(self, stage: str, label: str) -> None:
        """A step that was answered from the store."""
        with self._guard:
            self._cached[stage] += 1
        self.say(f"{label}: unchanged")

    def begin(self, step: Step) -> None:
        """A step begins."""

    def update(self, step: Step) -> None:
        """A running step has got further."""

    def end(self, step: Step) -> None:
        """A step has ended, well or not."""

    def say(self, text: str) -> None:
        """A plain sentence for a reader who wants details."""

    def warn(self, text: str) -> None:
        """A plain sentence that every reader must see."""

    def time_spent(self, busy_seconds: float) -> tuple[TimeSpent, ...]:
        """Seconds by stage that had something to do; `overhead` is what is left of `busy_seconds`."""
        used = [stage for stage in STAGES if self._done[stage] or self._cached[stage]]
        rows = [TimeSpent(stage, round(self._seconds[stage], 3), self._cached[stage], self._done[stage]) for stage in used]
        own = max(0.0, busy_seconds - sum(row.seconds for row in rows))
        return (*rows, TimeSpent("overhead", round(own, 3), 0, 0))


class Step:
    """A running step: how far it is and what it says."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self.label = label
        self.done = 0.0
        self.total: float | None = None
        self.text = ""

    def event(self, message: Mapping[str, Any]) -> None:
        """Takes a plugin's progress message: `step`, `steps` and `text`, each optional."""
        self.done = float(message.get("step", self.done))
        self.total = float(message["steps"]) if message.get("steps") else self.total
        self.text = str(message.get("text", self.text))
        self._progress.update(self)
