"""Build: a plan carried out - each step made in a child process, proven, and handed on only when its proof holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgekit import errors
from edgekit.core.model import MANIFEST, Model, digest_files
from edgekit.core.proof import Tolerance
from edgekit.core.protocols import Made, Work
from edgekit.core.serde import from_json, to_json
from edgekit.core.target import Precision, Target
from edgekit.pipeline.data import Prepared, versions
from edgekit.pipeline.intake import finish, read_facts, source_of
from edgekit.pipeline.plan import Hop, check_calibration, missing_packages, needs_calibration, plugin_of, routes, words
from edgekit.pipeline.prove import TOLERANCES, prove
from edgekit.pipeline.store import code_digest, place
from edgekit.pipeline.tools import Tools


@dataclass(frozen=True)
class Basis:
    """What a build is proven on and calibrated with.

    Attributes:
        proof: Samples every step is compared on.
        count: How many of the first proof samples are compared; None means all.
        synthetic: Whether the proof samples are random, so that answers mean nothing.
        calibration: Samples for static quantization; None when there are none.
        options: Further options of converters and passes, such as {"io": "integer"}.
        rejects: Where an artifact with a failed proof is kept, given its name, `<target>.rejected`.
        min_agreement: Overrides the least share of same answers.
    """

    proof: Prepared
    rejects: Callable[[str], Path]
    count: int | None = None
    synthetic: bool = False
    calibration: Prepared | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    min_agreement: float | None = None


FAILURES = (
    errors.ProofError,
    errors.ConversionError,
    errors.CrashError,
    errors.UnsupportedModelError,
    errors.MissingPackageError,
)
"""What ends one way to a target and leaves the others: a tool failed, or its result is wrong."""


def build(model: Model, target: Target, basis: Basis, tools: Tools) -> Model:
    """The artifact for `target`, made from `model` and proven; each step comes from the store when nothing changed.

    The cheapest way is tried first. When a tool on it fails, or its result fails the proof, the next one is taken, and the
    artifact's notes say so.

    Raises:
        NoPathError: No plan leads there.
        DataError: The plan needs calibration samples and there are none.
        ProofError: The result of the cheapest way does not match its source, and no other way holds; what was made is kept
            as `*.rejected`.
        ConversionError: A tool of the cheapest way failed, and no other way holds.
    """
    ways = routes(model, target)
    check_calibration(ways[0], present=basis.calibration is not None)
    complete = [hops for hops in ways if not missing_packages(hops)] or ways
    failed: list[tuple[list[Hop], errors.EdgekitError]] = []
    notes: list[str] = []
    told = 0
    for hops in ways:
        if any(hops[: len(dead)] == dead for dead, _ in failed):
            continue
        if hops not in complete:
            lacking = ", ".join(missing_packages(hops))
            notes.append(f"The cheaper way by {words(hops)} was passed over: not installed: {lacking}.")
            continue
        for note in notes[told:]:
            tools.progress.warn(note)
        told = len(notes)
        try:
            return _walk(model, hops, replace(basis, rejects=_rejects(basis, len(failed))), tuple(notes), tools)
        except _Failed as end:
            failed.append((end.hops, end.error))
            notes.append(f"The cheaper way by {words(end.hops)} failed: {end.error.message}")
    for dead, problem in failed[1:]:
        tools.progress.warn(f"The way by {words(dead)} failed too: {problem.message}")
    raise failed[0][1]


class _Failed(Exception):  # noqa: N818 - carries an error and is none: it never leaves this file
    """A way that came to its end at the last of `hops`."""

    def __init__(self, hops: list[Hop], error: errors.EdgekitError) -> None:
        super().__init__(error.message)
        self.hops, self.error = hops, error


def _walk(model: Model, hops: list[Hop], basis: Basis, notes: tuple[str, ...], tools: Tools) -> Model:
    for count, hop in enumerate(hops, 1):
        try:
            model = _step(model, hop, basis, tools, notes if count == len(hops) else ())
        except FAILURES as error:
            raise _Failed(hops[:count], error) from error
    return model


def _rejects(basis: Basis, failures: int) -> Callable[[str], Path]:
    """Where a rejected artifact is kept: `<target>.rejected` for the first way, `<target>.2.rejected` for the second."""
    if not failures:
        return basis.rejects
    return lambda name: basis.rejects(f"{name.removesuffix('.rejected')}.{failures + 1}.rejected")


def _step(source: Model, hop: Hop, basis: Basis, tools: Tools, notes: tuple[str, ...] = ()) -> Model:
    plugin = plugin_of(hop)
    static = needs_calibration([hop])
    tolerance, options = tolerance_for(hop.target.precision, basis), _options(hop, basis)
    parts = {
        "what": hop.stage,
        "plugin": hop.plugin,
        "code": code_digest(plugin),
        "versions": versions(plugin.packages),
        "source": source.digest,
        "interface": to_json([source.inputs, source.outputs, source.contract, source.labels]),
        "lineage": [step.digest for step in source.lineage],
        "target": str(hop.target),
        "options": options,
        "calibration": basis.calibration.digest if static and basis.calibration else None,
        "proof": [basis.proof.digest, basis.count, basis.synthetic, to_json(tolerance)],
        **({"notes": notes} if notes else {}),
    }
    label = f"{hop.plugin} → {hop.target}"

    def make(folder: Path) -> None:
        started = time.perf_counter()
        with tools.progress.step("convert", label) as step:
            model = _run_plugin(plugin, source, hop, basis, folder, started, tools, step.event)
        proof = prove(
            model,
            source,
            basis.proof,
            tools,
            tolerance=tolerance,
            count=basis.count,
            synthetic=basis.synthetic,
        )
        model = replace(model, proof=proof, notes=(*model.notes, *notes))
        model.write_manifest()
        if not proof.passed:
            rejected = basis.rejects(f"{hop.target}.rejected")
            place(folder, rejected, MANIFEST)
            raise errors.ProofError(
                f"The {hop.target} that {hop.plugin} made does not match its source: {'; '.join(proof.reasons)}.",
                fix=f"It is kept in {rejected} and was not handed on. See where the two part: edgekit diff {source.path} "
                f"{rejected}. Try another target; for int8, give more calibration samples like those the model will see.",
            )

    entry = tools.store.produce(parts, make)
    if entry.cached:
        tools.progress.cached("convert", label)
        if not _intact(entry.path):
            tools.store.discard(entry.path)
            entry = tools.store.produce(parts, make)
    return Model.read(entry.path)


def _run_plugin(
    plugin: Any, source: Model, hop: Hop, basis: Basis, folder: Path, started: float, tools: Tools, on_event: Any
) -> Model:
    calibration = basis.calibration.files[0] if basis.calibration and needs_calibration([hop]) else None
    work = Work(source.file, folder, source.inputs, source.outputs, calibration, _options(hop, basis))
    chore = "convert" if hop.stage == "convert" else "apply"
    payload = {"plugin": hop.plugin, "work": to_json(work), "precision": hop.target.precision.value}
    made = from_json(Made, tools.workshop.call(plugin.engine, chore, payload, on_event))
    facts = read_facts(tools, source_of(hop.target.format), folder / made.file)
    options = {**_options(hop, basis), "target": str(hop.target)}
    if calibration is not None and basis.calibration is not None:
        options["calibration"] = basis.calibration.origin
    return finish(
        folder,
        facts,
        stage=hop.stage,
        tool=hop.plugin,
        options=options,
        started=started,
        source=source,
        packages=plugin.packages,
        precision=hop.target.precision,
        inputs=made.inputs,
        outputs=made.outputs,
        notes=made.notes,
    )


def _options(hop: Hop, basis: Basis) -> dict[str, Any]:
    """The options that concern a hop: how integers come in and go out is the quantizer's matter only."""
    return {name: value for name, value in basis.options.items() if name != "io" or hop.stage == "quantize"}


def tolerance_for(precision: Precision, basis: Basis) -> Tolerance:
    """The bounds of a precision, with the user's own where one was given."""
    tolerance = TOLERANCES[precision]
    return tolerance if basis.min_agreement is None else replace(tolerance, min_agreement=basis.min_agreement)


def _intact(folder: Path) -> bool:
    try:
        model = Model.read(folder)
        return digest_files(folder, model.files) == model.digest
    except (ValueError, OSError):
        return False
