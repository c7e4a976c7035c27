"""Build: a plan carried out - each step made in a child process, proven, and handed on only when its proof holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.core.model import MANIFEST, Model, digest_files
from edgekit.core.proof import Tolerance
from edgekit.core.protocols import Made, Work
from edgekit.core.serde import from_json, to_json
from edgekit.core.target import Precision, Target
from edgekit.pipeline.data import Prepared, versions
from edgekit.pipeline.intake import finish, read_facts, source_of
from edgekit.pipeline.plan import Hop, check_calibration, needs_calibration, route
from edgekit.pipeline.prove import TOLERANCES, prove
from edgekit.pipeline.store import place
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


def build(model: Model, target: Target, basis: Basis, tools: Tools) -> Model:
    """The artifact for `target`, made from `model` and proven; each step comes from the store when nothing changed.

    Raises:
        NoPathError: No plan leads there.
        DataError: The plan needs calibration samples and there are none.
        ProofError: A step's result does not match its source; it is kept as `*.rejected`.
        ConversionError: A tool failed.
    """
    hops = route(model, target)
    check_calibration(hops, present=basis.calibration is not None)
    for hop in hops:
        model = _step(model, hop, basis, tools)
    return model


def _step(source: Model, hop: Hop, basis: Basis, tools: Tools) -> Model:
    plugin = registry.get("converters" if hop.stage == "convert" else "passes", hop.plugin)
    static = needs_calibration([hop])
    tolerance = tolerance_for(hop.target.precision, basis)
    parts = {
        "what": hop.stage,
        "plugin": hop.plugin,
        "code": code_digest(plugin),
        "versions": versions(plugin.packages),
        "source": source.digest,
        "interface": to_json([source.inputs, source.outputs, source.contract, source.labels]),
        "lineage": [step.digest for step in source.lineage],
        "target": str(hop.target),
        "options": dict(basis.options),
        "calibration": basis.calibration.digest if static and basis.calibration else None,
        "proof": [basis.proof.digest, basis.count, basis.synthetic, to_json(tolerance)],
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
        model = replace(model, proof=proof)
        model.write_manifest()
        if not proof.passed:
            rejected = basis.rejects(f"{hop.target}.rejected")
            place(folder, rejected, MANIFEST)
            raise errors.ProofError(
                f"{hop.plugin} made a {hop.target} that does not match its source: {'; '.join(proof.reasons)}.",
                cause="The tool reported success and its result is wrong.",
                fix=f"It is kept in {rejected} and was not handed on. Try another target; for int8, give more calibration "
                "samples like those the model will see.",
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
    work = Work(source.file, folder, source.inputs, source.outputs, calibration, dict(basis.options))
    chore = "convert" if hop.stage == "convert" else "apply"
    payload = {"plugin": hop.plugin, "work": to_json(work), "precision": hop.target.precision.value}
    made = from_json(Made, tools.workshop.call(plugin.engine, chore, payload, on_event))
    facts = read_facts(tools, source_of(hop.target.format), folder / made.file)
    options = {**basis.options, "target": str(hop.target)}
    if calibration is not None and basis.calibration is not None:
        options["calibration"] = f"{len(basis.calibration)} samples: {basis.calibration.origin}"
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


def tolerance_for(precision: Precision, basis: Basis) -> Tolerance:
    """The bounds of a precision, with the user's own where one was given."""
    tolerance = TOLERANCES[precision]
    return tolerance if basis.min_agreement is None else replace(tolerance, min_agreement=basis.min_agreement)


def code_digest(plugin: Any) -> str:
    """Changes when any file of a plugin's folder changes, so that new code does not answer with old code's results."""
    import hashlib
    import inspect

    files = sorted(Path(inspect.getfile(type(plugin))).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _intact(folder: Path) -> bool:
    try:
        model = Model.read(folder)
        return digest_files(folder, model.files) == model.digest
    except (ValueError, OSError):
        return False
