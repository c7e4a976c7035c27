"""Writes a rendered file whole or not at all, and turns the system's refusal into an error with a fix."""

from __future__ import annotations

import os
from pathlib import Path

from edgekit.errors import from_os_error


def write_text(path: Path, text: str) -> Path:
    """Writes `text` as UTF-8 and returns `path`; a reader sees the old file or the new one, never half of one.

    Raises:
        WriteError: The folder cannot be written to.
        DiskSpaceError: The disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, path) from error
    return path
