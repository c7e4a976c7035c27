"""The `edgekit` command as a user runs it: a process of its own, with a home folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a command whose store is in `home`."""
    return {**os.environ, "EDGEKIT_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "120", **more}


def edgekit(*words: object, home: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Runs `edgekit` with these words and waits for it."""
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(home, **(env or {})),
        timeout=240,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def tree(folder: Path) -> set[str]:
    """Every path below `folder`, to see that nothing was left behind."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
