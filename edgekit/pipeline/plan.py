"""The planner: which converters and which pass lead from a model to a target, and what of them is installed here."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from edgekit import errors, registry
from edgekit.core.model import Model
from edgekit.core.protocols import Converter, Pass
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.lazy import install_command


@dataclass(frozen=True)
class Hop:
    """One step of a plan: converter or pass `plugin`, which makes `target`."""

    stage: str
    plugin: str
    target: Target


@dataclass(frozen=True)
class Ready:
    """One row of `edgekit targets`: whether `target` can be made here, by what, and what would install the rest."""

    target: str
    ready: bool
    by: tuple[str, ...]
    missing: tuple[str, ...]
    fix: str


def parse_target(text: str) -> Target:
    """The target that `text` names.

    Raises:
        UnknownNameError: There is no such target; the fix names the nearest.
    """
    try:
        return Target.parse(text)
    except ValueError:
        raise registry.unknown("target", text, [str(t) for t in known_targets()]) from None


def known_targets() -> list[Target]:
    """Every target some plugin can make, in a fixed order."""
    passes: list[Pass] = registry.every("passes")
    made = {(plugin.format, precision) for plugin in passes for precision in plugin.precisions}
    made |= {(plugin.target, Precision.FP32) for plugin in registry.every("converters")}
    return [Target(f, p) for f in ModelFormat for p in Precision if (f, p) in made]


def route(model: Model, target: Target) -> list[Hop]:
    """The cheapest plan from a model to a target.

    Raises:
        NoPathError: No plan exists; the message says why.
    """
    if target.accelerator:
        raise errors.NoPathError(
            f"There is no compiler for {target.accelerator!r} in this edgekit.",
            fix=f"Make {Target(target.format, target.precision)} and run the accelerator's own compiler on it.",
        )
    if model.target == target:
        raise errors.NoPathError(f"The model is already {target}.", fix="Use it as it is, or choose another target.")
    if model.precision is not Precision.FP32:
        raise errors.NoPathError(
            f"The model is already {model.target}: its numbers cannot be made {target.precision.value} again.",
            cause="Quantizing twice adds the errors of both.",
            fix="Start from the float model.",
        )
    hops = _conversions(model.format, target.format)
    if target.precision is Precision.FP32:
        return hops
    for plugin in registry.every("passes"):
        if plugin.format is target.format and target.precision in plugin.precisions:
            return [*hops, Hop("quantize", plugin.name, target)]
    near = ", ".join(str(t) for t in known_targets() if t.format is target.format)
    raise errors.NoPathError(f"Nothing makes {target}.", fix=f"For this format there is: {near or 'nothing'}.")


def needs_calibration(hops: list[Hop]) -> bool:
    """Whether a step of the plan needs calibration samples."""
    return any(
        hop.stage == "quantize" and hop.target.precision in registry.get("passes", hop.plugin).needs_calibration
        for hop in hops
    )


def check_calibration(hops: list[Hop], *, present: bool) -> None:
    """Refuses a plan that needs calibration samples when there are none.

    Raises:
        DataError: It does.
    """
    if needs_calibration(hops) and not present:
        raise errors.DataError(
            f"{hops[-1].target} is static: it needs calibration samples.",
            fix="Add --calib FOLDER (images, .npz or .npy of training samples), or choose an int8-dynamic or fp16 target.",
        )


def readiness() -> list[Ready]:
    """For each target: whether its plugins' packages are installed, and what installs them."""
    rows = []
    for target in known_targets():
        plugins = _makers(target)
        missing = {plugin.extra: missing for plugin in plugins if (missing := _missing(plugin.packages))}
        runtime = next(r for r in registry.every("runtimes") if target.format.value in r.formats)
        if lacking := _missing(runtime.packages):
            missing[runtime.extra] = lacking
        names = tuple(sorted({name for group in missing.values() for name in group}))
        fix = install_command(",".join(sorted(missing))) if missing else ""
        rows.append(Ready(str(target), not missing, tuple(plugin.name for plugin in plugins), names, fix))
    return rows


def _makers(target: Target) -> list[Converter | Pass]:
    """The plugins on the way from a Keras model to a target."""
    makers: list[Converter | Pass] = [
        registry.get("converters", hop.plugin) for hop in _conversions(ModelFormat.KERAS, target.format)
    ]
    if target.precision is not Precision.FP32:
        makers += [p for p in registry.every("passes") if p.format is target.format and target.precision in p.precisions]
    return makers


def _conversions(source: ModelFormat, target: ModelFormat) -> list[Hop]:
    """Dijkstra's shortest path over the converters, by their declared costs."""
    converters: list[Converter] = registry.every("converters")
    waiting: list[tuple[float, int, ModelFormat, list[Hop]]] = [(0.0, 0, source, [])]
    settled: set[ModelFormat] = set()
    order = 0
    while waiting:
        cost, _, here, hops = heapq.heappop(waiting)
        if here is target:
            return hops
        if here in settled:
            continue
        settled.add(here)
        for plugin in converters:
            if plugin.source is here and plugin.target not in settled:
                order += 1
                hop = Hop("convert", plugin.name, Target(plugin.target, Precision.FP32))
                heapq.heappush(waiting, (cost + plugin.cost, order, plugin.target, [*hops, hop]))
    reach = ", ".join(sorted({plugin.target.value for plugin in converters if plugin.source is source})) or "nothing"
    raise errors.NoPathError(
        f"There is no sound way from {source.value} to {target.value}.", fix=f"From {source.value} edgekit makes: {reach}."
    )


def _missing(packages: tuple[str, ...]) -> tuple[str, ...]:
    from edgekit.pipeline.data import versions

    return tuple(name for name, version in versions(packages).items() if version == "missing")
