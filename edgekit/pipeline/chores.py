"""Chores: the functions a worker process runs - JSON in, one plugin called, JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgekit import registry
from edgekit.core.protocols import TrainWork, Work
from edgekit.core.serde import from_json, to_json
from edgekit.core.target import Precision

Emit = Callable[[Mapping[str, Any]], None]


def read(payload: Mapping[str, Any], _: Emit) -> dict[str, Any]:
    """Source `source` reads the model file `file`: ModelFacts."""
    return dict(to_json(registry.get("sources", payload["source"]).read(Path(payload["file"]))))


def convert(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Converter `plugin` does `work`: Made."""
    return dict(to_json(_plugin("converters", payload).convert(from_json(Work, payload["work"]), emit)))


def apply(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Pass `plugin` does `work` at `precision`: Made."""
    plugin = _plugin("passes", payload)
    return dict(to_json(plugin.apply(from_json(Work, payload["work"]), Precision(payload["precision"]), emit)))


def infer(payload: Mapping[str, Any], _: Emit) -> dict[str, Any]:
    """The agent's `infer` request, answered in this warm process."""
    from edgekit.agent import artifact

    return artifact.infer(payload)


def inspect(payload: Mapping[str, Any], _: Emit) -> dict[str, Any]:
    """Inspector `plugin` reads the graph of `file`: GraphSummary."""
    return dict(to_json(registry.get("inspectors", payload["plugin"]).inspect(Path(payload["file"]))))


def trace(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Runs a model tensor by tensor and writes what it saw; see `pipeline.tracing`."""
    from edgekit.pipeline import tracing

    return tracing.trace(payload, emit)


def train(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Trainer `plugin` does the training `work`: Trained."""
    return dict(to_json(registry.get("trainers", payload["plugin"]).train(from_json(TrainWork, payload["work"]), emit)))


def prune(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Trainer `plugin` prunes by `method` and `amount`: Made."""
    plugin = registry.get("trainers", payload["plugin"])
    return dict(to_json(plugin.prune(from_json(Work, payload["work"]), payload["method"], payload["amount"], emit)))


def prepare(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Reads a dataset and writes what the run needs of it; see `pipeline.reading`."""
    from edgekit.pipeline import reading

    return reading.prepare(payload, emit)


def split(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Reads a dataset and divides it for training; see `pipeline.reading`."""
    from edgekit.pipeline import reading

    return reading.split(payload, emit)


def _plugin(kind: str, payload: Mapping[str, Any]) -> Any:
    """The plugin by its reference where one is sent: in a toolchain's environment edgekit is not installed."""
    if reference := payload.get("reference"):
        return registry.load(reference)()
    return registry.get(kind, payload["plugin"])
