"""What the command line shows: progress on standard error, the result on standard output."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from edgekit.core.serde import to_json
from edgekit.pipeline.progress import Progress, Step


def print_json(value: Any) -> None:
    """Prints one JSON document."""
    print(json.dumps(to_json(value), indent=2, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints an aligned table; a last column wider than the terminal wraps."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=160)
    console.print(table)


def progress_for(*, quiet: bool, verbose: bool, as_json: bool) -> Progress:
    """The progress that fits: silent, plain lines where there is no terminal, or live bars."""
    if quiet or as_json:
        return Quiet()
    if verbose or not sys.stderr.isatty():
        return Lines(verbose)
    return Bars()


class Quiet(Progress):
    """Shows warnings only."""

    def warn(self, text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)


class Lines(Quiet):
    """One line when a step begins, for logs and pipes; details with `verbose`."""

    def __init__(self, verbose: bool) -> None:
        super().__init__()
        self._verbose = verbose
        self._said: dict[int, str] = {}

    def begin(self, step: Step) -> None:
        print(f"· {step.label}", file=sys.stderr, flush=True)

    def update(self, step: Step) -> None:
        """A line whenever a step has something new to say, ten a step at the most."""
        tenth = f"{step.label} {int(10 * step.done / step.total)}" if step.total else step.text
        if self._verbose and step.text and tenth != self._said.get(id(step)):
            self._said[id(step)] = tenth
            print(f"  {step.label}: {step.text}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        if self._verbose:
            print(f"  {text}", file=sys.stderr, flush=True)


class Bars(Quiet):
    """A live bar for each running step."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._guard = threading.Lock()
        self._tasks: dict[int, Any] = {}

    def begin(self, step: Step) -> None:
        with self._guard:
            if not self._tasks:
                self._bars.start()
            self._tasks[id(step)] = self._bars.add_task(step.label, total=None, text="")

    def update(self, step: Step) -> None:
        self._bars.update(self._tasks[id(step)], completed=step.done, total=step.total, text=step.text)

    def end(self, step: Step) -> None:
        with self._guard:
            self._bars.remove_task(self._tasks.pop(id(step)))
            if not self._tasks:
                self._bars.stop()

    def warn(self, text: str) -> None:
        self._bars.console.print(f"warning: {text}", markup=False, highlight=False)
