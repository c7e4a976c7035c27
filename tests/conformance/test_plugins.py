"""Every plugin has what its protocol names, is called alike everywhere, and has its declared gaps tried."""

from __future__ import annotations

import inspect
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter

from edgekit import registry
from edgekit.core import protocols, session

PROTOCOLS: dict[str, type] = {
    "sources": protocols.Source,
    "trainers": protocols.Trainer,
    "passes": protocols.Pass,
    "converters": protocols.Converter,
    "inspectors": protocols.Inspector,
    "tracers": protocols.Tracer,
    "runtimes": session.Runtime,
    "datasets": protocols.Dataset,
    "renderers": protocols.Renderer,
}
PLUGINS = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]
every_plugin = pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=[f"{kind}-{name}" for kind, name in PLUGINS])


def test_every_kind_has_a_protocol() -> None:
    assert set(PROTOCOLS) == set(registry.KINDS)


@every_plugin
def test_one_word_for_one_thing(kind: str, name: str) -> None:
    """Entry point, class attribute and file have the same name, and the class is documented."""
    cls = type(registry.get(kind, name))
    module = sys.modules[cls.__module__]
    assert cls.name == name
    assert Path(str(module.__file__)).stem == name
    assert cls.__module__ == f"edgekit.{kind}.{name}"
    assert inspect.getdoc(cls)


@every_plugin
def test_it_has_what_its_protocol_names(kind: str, name: str) -> None:
    plugin, protocol = registry.get(kind, name), PROTOCOLS[kind]
    for attribute, hint in get_type_hints(protocol).items():
        if get_origin(hint) is ClassVar:
            TypeAdapter(get_args(hint)[0]).validate_python(getattr(plugin, attribute), strict=True)
    for method, asked in vars(protocol).items():
        if inspect.isfunction(asked) and not method.startswith("_"):
            given = list(inspect.signature(getattr(type(plugin), method)).parameters)
            assert [word.lstrip("_") for word in given] == list(inspect.signature(asked).parameters), method


@every_plugin
def test_its_extra_installs_something(kind: str, name: str) -> None:
    extra = registry.get(kind, name).extra
    assert extra == "" or extra in (metadata("edgekit-ml").get_all("Provides-Extra") or [])


@every_plugin
def test_a_gap_says_whether_it_will_close(kind: str, name: str) -> None:
    gaps: dict[str, Any] = getattr(registry.get(kind, name), "gaps", {})
    assert all(reason.startswith(("notyet: ", "never: ")) for reason in gaps.values()), gaps
