"""Finding: one line of `edgekit doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was checked on this machine.

    Attributes:
        name: What was checked.
        status: `ok`; `warning` when edgekit works but something is missing or numbers will be noisier; `problem` when
            something edgekit does will fail.
        detail: What was found, with its numbers.
        fix: The exact thing to type or do; empty when there is nothing to do.
    """

    name: str
    status: Literal["ok", "warning", "problem"]
    detail: str
    fix: str = ""
