"""Proofs: an artifact and its source run on the same inputs, each in its own process, and are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.agent import artifact as agent_code
from edgekit.core.job import Job, JobModel
from edgekit.core.model import Model
from edgekit.core.proof import Gate, Proof, Tolerance
from edgekit.core.serde import to_json
from edgekit.core.target import ModelFormat, Precision
from edgekit.metrics.intervals import wilson
from edgekit.metrics.output_error import answers, gates, parity
from edgekit.pipeline.agents import run_job
from edgekit.pipeline.data import Prepared, versions
from edgekit.pipeline.store import code_digest
from edgekit.pipeline.tools import Tools

TOLERANCES = {
    Precision.FP32: Tolerance(min_snr_db=60.0, min_cosine=0.9999, min_agreement=0.99),
    Precision.FP16: Tolerance(min_snr_db=40.0, min_cosine=0.999, min_agreement=0.99),
    Precision.INT8: Tolerance(min_snr_db=12.0, min_cosine=0.97, min_agreement=0.90),
    Precision.INT8_DYNAMIC: Tolerance(min_snr_db=12.0, min_cosine=0.97, min_agreement=0.90),
}
"""Bounds by precision. Sound conversions land well inside: float32 reordering at 100 dB and more, float16 weights (11 bits)
at 50 dB and more, sound int8 at cosine 0.99 and more; the broken ones seen (per-tensor weights: cosine 0.90, 87 % agreement;
NaN; saturated outputs) land outside. docs/explanation/proofs.md has the measurements."""

PRUNED = Tolerance(min_snr_db=None, min_cosine=None, min_agreement=0.80)
"""Pruning changes the function on purpose: only the answers are held to the dense model's, and its accuracy is reported."""


def runtime_of(model: Model) -> Any:
    """The runtime plugin that opens a model.

    Raises:
        NoPathError: No runtime opens this format.
    """
    for plugin in registry.every("runtimes"):
        if model.format.value in plugin.formats:
            return plugin
    raise errors.NoPathError(
        f"No runtime opens {model.format.value}.", fix="Convert it first; `edgekit targets` lists what there is."
    )


def job_model(model: Model, name: str) -> JobModel:
    """A model as the agent takes it."""
    runtime = runtime_of(model)
    return JobModel(name, registry.reference("runtimes", runtime.name), model.file.resolve(), model.inputs, model.outputs)


def outputs_of(model: Model, samples: Prepared, tools: Tools) -> list[Any]:
    """The model's outputs on prepared samples: one `float32[n, ...]` an output; kept in the store.

    Raises:
        InferenceError: The runtime refused the model or failed.
        CrashError: The runtime's process died.
    """
    import numpy as np

    runtime = runtime_of(model)
    parts = {
        "what": "outputs",
        "code": code_digest(runtime, agent_code),
        "model": model.digest,
        "interface": [to_json(model.inputs), to_json(model.outputs)],
        "samples": samples.digest,
        "versions": versions(runtime.packages),
    }
    label = f"run {model.target} on {len(samples)} samples"

    def infer(folder: Path) -> None:
        job = Job("infer", (job_model(model, "model"),), samples.arranged(model.inputs), folder)
        with tools.progress.step("infer", label) as step:
            if (
                model.format is ModelFormat.KERAS
            ):  # TensorFlow takes seconds to import: its worker is warm, and a process apart
                request = {"model": to_json(job.models[0]), "job": to_json(job), "file": "outputs.npz"}
                tools.workshop.call("tensorflow", "infer", request)
                return
            result = run_job(job, log=tools.store.log("agent"), on_event=step.event)
        for failure in result.failures:
            raise errors.by_name()[failure.kind](failure.message, fix=failure.fix)
        (folder / result.outputs["model"]).rename(folder / "outputs.npz")

    entry = tools.store.produce(parts, infer)
    if entry.cached:
        tools.progress.cached("infer", label)
    with np.load(entry.path / "outputs.npz") as arrays:
        return [arrays[f"output_{i}"] for i in range(len(arrays.files))]


def answers_of(model: Model, samples: Prepared, tools: Tools) -> list[int]:
    """A classifier's answer to each prepared sample: the argmax of its first output.

    Raises:
        DataError: The first output is not one score a class.
    """
    found = answers(outputs_of(model, samples, tools)[0])
    if found is None:
        raise errors.DataError(
            f"{model.files[0]} has no scores a class: its first output is {model.outputs[0]}.",
            fix="Accuracy is for classifiers: an output of shape [1, classes].",
        )
    return [int(answer) for answer in found]


def prove(
    artifact: Model,
    source: Model,
    samples: Prepared,
    tools: Tools,
    *,
    tolerance: Tolerance,
    kind: str = "parity",
    count: int | None = None,
    synthetic: bool = False,
) -> Proof:
    """Compares an artifact with its source.

    Args:
        artifact: The model to prove.
        source: What it was made from.
        samples: The inputs.
        tools: Runs the models and keeps their outputs.
        tolerance: The bounds.
        kind: `parity`, or `task` for a step that changes the function on purpose.
        count: Compare the first `count` samples only.
        synthetic: The samples are random: answers mean nothing and are not held to a bound.
    """
    chosen = slice(0, count)
    reference = [array[chosen] for array in outputs_of(source, samples, tools)]
    found = _in_order_of(source, artifact, [array[chosen] for array in outputs_of(artifact, samples, tools)])
    names = [spec.name for spec in source.outputs]
    shapes = [(r.shape, f.shape) for r, f in zip(reference, found, strict=False) if r.shape != f.shape]
    if len(reference) != len(found) or shapes:
        gate = Gate("interface", False, f"{len(found)} outputs, {len(reference)} expected; differing shapes: {shapes}")
        return Proof(kind, source.digest, samples.origin, len(samples), (), None, None, (gate,), tolerance, (gate.detail,))
    rows = tuple(parity(name, r, f) for name, r, f in zip(names, reference, found, strict=True))
    checks = tuple(gate for name, r, f in zip(names, reference, found, strict=True) for gate in gates(name, r, f))
    agreement, interval = _agreement(reference[0], found[0])
    asked = Tolerance(tolerance.min_snr_db, tolerance.min_cosine, None) if synthetic else tolerance
    reasons = _reasons(rows, checks, agreement, asked)
    return Proof(kind, source.digest, samples.origin, len(found[0]), rows, agreement, interval, checks, asked, reasons)


def _in_order_of(source: Model, artifact: Model, arrays: list[Any]) -> list[Any]:
    """The artifact's outputs in the source's order: by name where the names survived, else as they are."""
    names = [spec.name for spec in artifact.outputs]
    wanted = [spec.name for spec in source.outputs]
    return [arrays[names.index(name)] for name in wanted] if sorted(names) == sorted(wanted) else arrays


def _agreement(reference: Any, found: Any) -> tuple[float | None, tuple[float, float] | None]:
    before, after = answers(reference), answers(found)
    if before is None or after is None:
        return None, None
    same = int((before == after).sum())
    return same / len(before), wilson(same, len(before))


def _reasons(rows: tuple[Any, ...], checks: tuple[Gate, ...], agreement: float | None, asked: Tolerance) -> tuple[str, ...]:
    reasons = [f"{gate.name} failed: {gate.detail}" for gate in checks if not gate.passed]
    for row in rows:
        if asked.min_snr_db is not None and row.snr_db is not None and row.snr_db < asked.min_snr_db:
            reasons.append(
                f"{row.name}: signal-to-noise ratio {row.snr_db:.1f} dB, at least {asked.min_snr_db:g} dB is required"
            )
        if asked.min_cosine is not None and row.cosine < asked.min_cosine:
            reasons.append(f"{row.name}: cosine similarity {row.cosine:.4f}, at least {asked.min_cosine} is required")
    if asked.min_agreement is not None and agreement is not None and agreement < asked.min_agreement:
        reasons.append(f"{100 * agreement:.1f} % same answers, at least {100 * asked.min_agreement:g} % is required")
    return tuple(reasons)
