"""Plugins by name: names, references and objects over entry points, with "did you mean" for a wrong name."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Iterable
from typing import Any

from edgekit.errors import UnknownNameError

KINDS = (
    "sources",
    "trainers",
    "passes",
    "converters",
    "inspectors",
    "tracers",
    "runtimes",
    "datasets",
    "renderers",
)
"""The stages that take plugins; the entry-point group of a kind is `edgekit.<kind>`."""


@functools.cache
def _references(kind: str) -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=f"edgekit.{kind}")}


def names(kind: str) -> list[str]:
    """The names of all plugins of a kind, sorted."""
    return sorted(_references(kind))


def reference(kind: str, name: str) -> str:
    """The import reference (`package.module:Class`) of a plugin.

    Raises:
        UnknownNameError: No plugin of this kind has this name.
    """
    known = _references(kind)
    if name not in known:
        raise unknown(kind.rstrip("s"), name, known)
    return known[name]


def get(kind: str, name: str) -> Any:
    """A new object of the plugin `name`; its module imports nothing heavy until it is used.

    Raises:
        UnknownNameError: No plugin of this kind has this name.
    """
    return load(reference(kind, name))()


def every(kind: str) -> list[Any]:
    """One object of each plugin of a kind, in the order of their names."""
    return [get(kind, name) for name in names(kind)]


def load(reference: str) -> Any:
    """The object behind `package.module:attribute`."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a wrong name: the nearest known one, and all there are."""
    listed = sorted(known)
    near = nearest(name, listed)
    hint = f"Did you mean {near}? " if near else ""
    return UnknownNameError(f"There is no {what} named {name!r}.", fix=f"{hint}There is: {', '.join(listed) or 'none'}.")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, or None when none is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return found[0] if found else None
