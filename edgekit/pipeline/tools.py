"""Tools: what every stage of the pipeline works with - the store, the child processes and the progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgekit.pipeline.progress import Progress
from edgekit.pipeline.store import Store
from edgekit.pipeline.workshop import Workshop


@dataclass(frozen=True)
class Tools:
    """The store, the child processes and the progress of one command."""

    store: Store
    workshop: Workshop
    progress: Progress


@contextmanager
def open_tools(progress: Progress | None = None, *, fresh: bool = False) -> Iterator[Tools]:
    """Tools for one command; the child processes end with the block.

    Args:
        progress: Where to show what happens; silent when None.
        fresh: Make everything anew, as if nothing were stored.
    """
    store = Store(fresh=fresh)
    with Workshop(store) as workshop:
        yield Tools(store, workshop, progress or Progress())
