"""The planner: which converters and which pass lead from a model to a target, and what of them is installed here."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from edgekit import errors, registry
from edgekit.core.model import Model
from edgekit.core.protocols import Converter, Pass
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.lazy import install_command
from edgekit.pipeline.store import TOOLCHAINS, home
from edgekit.toolchain import is_installed


@dataclass(frozen=True)
class Hop:
    """One step of a plan: converter or pass `plugin`, which makes `target`."""

    stage: str
    plugin: str
    target: Target


@dataclass(frozen=True)
class Way:
    """One way to a target, as `edgekit convert --explain` shows it.

    Attributes:
        target: What it makes.
        hops: Names of the converters and the pass, in order.
        cost: Sum of the converters' declared costs.
        missing: Packages it needs that are not installed.
        fix: The command that installs them; empty when there is nothing to install.
        gaps: What its plugins declare that they do not do: `plugin: gap` to the reason.
        first: Whether `convert` tries it first.
    """

    target: str
    hops: tuple[str, ...]
    cost: float
    missing: tuple[str, ...]
    fix: str
    gaps: Mapping[str, str]
    first: bool


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


MOST_WAYS = 5
"""So many ways to a target are tried at most; what comes after goes through nearly every format there is."""

NO_WAY = {
    (ModelFormat.OPENVINO, ModelFormat.TFLITE): "OpenVINO writes no other format than its own",
    (ModelFormat.OPENVINO, ModelFormat.ONNX): "OpenVINO writes no other format than its own",
}
"""Why nothing leads from one format to another; Keras models are where things start, and nothing leads back to them."""


def routes(model: Model, target: Target) -> list[list[Hop]]:
    """The plans from a model to a target, cheapest first, at most MOST_WAYS.

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
    ways = _conversions(model.format, target.format)
    if target.precision is Precision.FP32:
        return ways
    for plugin in registry.every("passes"):
        if plugin.format is target.format and target.precision in plugin.precisions:
            return [[*hops, Hop("quantize", plugin.name, target)] for hops in ways]
    near = ", ".join(str(t) for t in known_targets() if t.format is target.format)
    raise errors.NoPathError(f"Nothing makes {target}.", fix=f"For this format there is: {near or 'nothing'}.")


def explain(model: Model, target: Target) -> list[Way]:
    """The plans of `routes`, cheapest first, with what each needs; the first that lacks nothing here is tried first.

    Raises:
        NoPathError: No plan exists.
    """
    ways = routes(model, target)
    chosen = next((hops for hops in ways if not missing_packages(hops)), ways[0])
    return [_described(hops, target, first=hops is chosen) for hops in ways]


def missing_packages(hops: Sequence[Hop]) -> tuple[str, ...]:
    """The packages a plan needs that are not installed, and the toolchains: one is fetched only where no other way is."""
    plugins = [plugin_of(hop) for hop in hops]
    declared = {chain for plugin in plugins if (chain := getattr(plugin, "toolchain", None))}
    absent = tuple(sorted(f"toolchain {c.name}" for c in declared if not is_installed(home() / TOOLCHAINS / c.folder)))
    return _missing(tuple(dict.fromkeys(name for plugin in plugins for name in plugin.packages))) + absent


def plugin_of(hop: Hop) -> Converter | Pass:
    """The converter or the pass that carries out a hop."""
    plugin: Converter | Pass = registry.get("converters" if hop.stage == "convert" else "passes", hop.plugin)
    return plugin


def words(hops: Sequence[Hop]) -> str:
    """`tflite_from_keras, openvino_from_tflite`."""
    return ", ".join(hop.plugin for hop in hops)


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
    makers = [plugin_of(hop) for hop in _conversions(ModelFormat.KERAS, target.format)[0]]
    if target.precision is not Precision.FP32:
        makers += [p for p in registry.every("passes") if p.format is target.format and target.precision in p.precisions]
    return makers


def _conversions(source: ModelFormat, target: ModelFormat) -> list[list[Hop]]:
    converters: list[Converter] = registry.every("converters")
    found = list(islice(_paths(converters, source, target), MOST_WAYS))
    if found:
        return found
    reach = ", ".join(sorted({plugin.target.value for plugin in converters if plugin.source is source})) or "nothing"
    why = "nothing leads back to a Keras model" if target is ModelFormat.KERAS else NO_WAY.get((source, target), "")
    raise errors.NoPathError(
        f"There is no sound way from {source.value} to {target.value}{f': {why}' if why else ''}.",
        fix=f"From {source.value} edgekit makes: {reach}.",
    )


def _paths(converters: Sequence[Converter], source: ModelFormat, target: ModelFormat) -> Iterator[list[Hop]]:
    """Paths over the converters that visit no format twice, by the sum of their declared costs.

    Uniform-cost search without a closed set: with a handful of formats every path can wait in the queue, and they leave it
    in the order of their costs.
    """
    waiting: list[tuple[float, int, tuple[ModelFormat, ...], list[Hop]]] = [(0.0, 0, (source,), [])]
    order = 0
    while waiting:
        cost, _, visited, hops = heapq.heappop(waiting)
        if visited[-1] is target:
            yield hops
            continue
        for plugin in converters:
            if plugin.source is visited[-1] and plugin.target not in visited:
                order += 1
                hop = Hop("convert", plugin.name, Target(plugin.target, Precision.FP32))
                heapq.heappush(waiting, (cost + plugin.cost, order, (*visited, plugin.target), [*hops, hop]))


def _described(hops: Sequence[Hop], target: Target, *, first: bool) -> Way:
    plugins = [plugin_of(hop) for hop in hops]
    extras = sorted({plugin.extra for plugin in plugins if _missing(plugin.packages)})
    return Way(
        target=str(target),
        hops=tuple(plugin.name for plugin in plugins),
        cost=round(sum(float(getattr(plugin, "cost", 0.0)) for plugin in plugins), 6),
        missing=missing_packages(hops),
        fix=install_command(",".join(extras)) if extras else "",
        gaps={f"{plugin.name}: {gap}": why for plugin in plugins for gap, why in plugin.gaps.items()},
        first=first,
    )


def _missing(packages: tuple[str, ...]) -> tuple[str, ...]:
    from edgekit.pipeline.data import versions

    return tuple(name for name, version in versions(packages).items() if version == "missing")
