"""Run: a recipe from data to report - train, prune, build, prove, measure - where every finished step is kept."""

from __future__ import annotations

import shutil
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgekit import __version__, errors, registry
from edgekit.core.measurement import Classification
from edgekit.core.model import MANIFEST, Model
from edgekit.core.proof import Proof
from edgekit.core.recipe import Recipe, Variant
from edgekit.core.report import DataFacts, Entry, Rejected, Report, TrainingFacts
from edgekit.core.serde import to_json
from edgekit.measure.machine import describe_machine
from edgekit.metrics.classification import classify
from edgekit.metrics.paired import compare
from edgekit.pipeline import bench, findings, training
from edgekit.pipeline.build import Basis, build
from edgekit.pipeline.data import Division, Prepared, divided
from edgekit.pipeline.plan import parse_target
from edgekit.pipeline.prove import PRUNED, answers_of, prove, runtime_of
from edgekit.pipeline.store import place
from edgekit.pipeline.tools import Tools

PACKAGES = (
    "ai-edge-litert",
    "ai-edge-quantizer",
    "keras",
    "nncf",
    "numpy",
    "onnx",
    "onnxruntime",
    "openvino",
    "tensorflow",
    "tf2onnx",
)
"""Distributions whose versions a report names."""

REFERENCE = "dense/float"


def run(recipe: Recipe, out: Path, tools: Tools) -> Report:
    """Runs a recipe and writes its artifacts and reports into `out`.

    An artifact that fails is listed in `Report.rejected` and the others go on.

    Args:
        recipe: What to do.
        out: Folder for `artifacts/<variant>/<target>/` and the reports.
        tools: Store, child processes and progress.

    Raises:
        UnknownNameError: The recipe names a dataset, trainer or target that does not exist.
        EdgekitError: Data or training failed, so that there is nothing to go on with.
    """
    started = time.perf_counter()
    _check_names(recipe)
    out.mkdir(parents=True, exist_ok=True)
    division = divided(recipe, tools)
    for note in division.notes:
        tools.progress.say(note)
    models, facts, rejected = _models(recipe, division, out, tools)
    artifacts, refused = _artifacts(recipe, models, division, out, tools)
    test = _test_samples(division)
    answered = {name: _answers(model, division, tools) for name, model in {REFERENCE: models["dense"], **artifacts}.items()}
    latencies = bench.measure(artifacts, recipe.bench, division.calibration, tools)
    entries = _entries(artifacts, answered, test, latencies, out, recipe.bench.threads[0])
    wall = time.perf_counter() - started
    return Report(
        name=recipe.name,
        description=recipe.description,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        edgekit=__version__,
        environment=describe_machine(packages=PACKAGES),
        data=DataFacts(recipe.data.dataset, division.counts, division.evaluation.labels, recipe.seed),
        contract=recipe.input,
        training=facts,
        reference=REFERENCE,
        reference_accuracy=_classified(answered[REFERENCE], test),
        entries=entries,
        rejected=(*rejected, *refused, *(Rejected(f.id, f.kind, f.message, f.fix) for f in latencies.failures)),
        noise=latencies.noise,
        findings=findings.findings(entries, facts, latencies.noise),
        time_spent=tools.progress.time_spent(wall),
        options=to_json(recipe),
        wall_seconds=round(wall, 3),
    )


def run_and_render(recipe: Recipe, out: Path, tools: Tools) -> Report:
    """Runs a recipe and writes its report in every form; the JSON is last and counts the time of the others."""
    started = time.perf_counter()
    report = run(recipe, out, tools)
    render(report, out, tools, ("text", "markdown", "html"))
    wall = time.perf_counter() - started
    report = replace(report, wall_seconds=round(wall, 3), time_spent=tools.progress.time_spent(wall))
    render(report, out, tools, ("json",))
    return report


def render(
    report: Report, out: Path, tools: Tools, forms: Sequence[str] = ("text", "json", "markdown", "html")
) -> list[Path]:
    """Writes a report into `out` in each of `forms` and returns the files."""
    written = []
    for form in forms:
        with tools.progress.step("report", f"write the {form} report"):
            written.append(registry.get("renderers", form).render(report, out))
    return written


def _check_names(recipe: Recipe) -> None:
    registry.reference("datasets", recipe.data.dataset)
    registry.reference("trainers", recipe.train.trainer)
    for text in (*recipe.targets, *(target for variant in recipe.variants for target in variant.targets)):
        parse_target(text)


def _models(
    recipe: Recipe, division: Division, out: Path, tools: Tools
) -> tuple[dict[str, Model], tuple[TrainingFacts, ...], list[Rejected]]:
    """The float model and its variants, each in its own folder of `out`."""
    dense, dense_facts = training.train(recipe, division, tools)
    models, facts, rejected = {"dense": dense}, [dense_facts], []
    for variant in recipe.variants:
        try:
            models[variant.name], variant_facts = _variant(recipe, variant, dense, division, tools)
            facts.append(variant_facts)
        except errors.EdgekitError as problem:
            rejected.append(_rejection(variant.name, problem, tools))
    for name, model in models.items():
        place(model.path, out / "artifacts" / name / "float", MANIFEST)
    return models, tuple(facts), rejected


def _variant(
    recipe: Recipe, variant: Variant, dense: Model, division: Division, tools: Tools
) -> tuple[Model, TrainingFacts]:
    pruned = training.prune(dense, variant.prune, recipe.train.trainer, tools)
    model, facts = training.finetune(variant.name, pruned, variant.prune, recipe, division, tools)
    proof = prove(
        model,
        dense,
        division.evaluation,
        tools,
        tolerance=PRUNED,
        kind="task",
        count=division.proofs,
    )
    if not proof.passed:
        raise errors.ProofError(
            f"{variant.name} answers too differently from the dense model: {'; '.join(proof.reasons)}.",
            fix="Prune less (`amount`) or fine-tune longer (`finetune_epochs`).",
        )
    return _with_proof(model, proof, tools), facts


def _with_proof(model: Model, proof: Proof, tools: Tools) -> Model:
    """The same model in a folder of its own whose manifest holds the proof."""

    def make(folder: Path) -> None:
        for name in model.files:
            shutil.copyfile(model.path / name, folder / name)
        replace(model, path=folder, proof=proof).write_manifest()

    parts = {"what": "proven", "model": model.digest, "lineage": to_json(model.lineage), "proof": to_json(proof)}
    return Model.read(tools.store.produce(parts, make).path)


def _artifacts(
    recipe: Recipe, models: Mapping[str, Model], division: Division, out: Path, tools: Tools
) -> tuple[dict[str, Model], list[Rejected]]:
    """Every artifact of every variant, by its name in the report; each is placed in `out` as soon as it is proven."""
    wanted = {"dense": recipe.targets, **{v.name: v.targets or recipe.targets for v in recipe.variants}}
    artifacts: dict[str, Model] = {}
    rejected: list[Rejected] = []
    for variant, model in models.items():
        folder = out / "artifacts" / variant
        basis = Basis(
            proof=division.evaluation,
            rejects=folder,
            count=division.proofs,
            calibration=division.calibration,
            options={"io": recipe.io},
        )
        for target in dict.fromkeys(wanted[variant]):
            try:
                artifact = build(model, parse_target(target), basis, tools)
                place(artifact.path, folder / target, MANIFEST)
                artifacts[f"{variant}/{target}"] = artifact
            except errors.EdgekitError as problem:
                rejected.append(_rejection(f"{variant}/{target}", problem, tools))
    if not artifacts:
        raise errors.ConversionError(
            f"None of the {len(rejected)} artifacts could be made; the first: {rejected[0].message}", fix=rejected[0].fix
        )
    return artifacts, rejected


def _rejection(name: str, problem: errors.EdgekitError, tools: Tools) -> Rejected:
    tools.progress.warn(f"{name}: {problem.message} {problem.fix}")
    return Rejected(name, type(problem).__name__, problem.message, problem.fix)


def _test_samples(division: Division) -> Prepared:
    """The test part of the evaluation samples: labels and identities only."""
    evaluation = division.evaluation
    assert evaluation.truth is not None
    return replace(
        evaluation,
        truth=evaluation.truth[division.proofs :],
        identities=evaluation.identities[division.proofs :],
        origin="test split",
    )


def _answers(model: Model, division: Division, tools: Tools) -> list[int]:
    return answers_of(model, division.evaluation, tools)[division.proofs :]


def _classified(answered: Sequence[int], test: Prepared) -> Classification:
    assert test.truth is not None
    return classify(test.truth, answered, test.labels)


def _entries(
    artifacts: Mapping[str, Model],
    answered: Mapping[str, Sequence[int]],
    test: Prepared,
    latencies: bench.Latencies,
    out: Path,
    threads: int,
) -> tuple[Entry, ...]:
    assert test.truth is not None
    entries = []
    for name, model in artifacts.items():
        variant, target = name.split("/", 1)
        rows = latencies.summaries.get(name, ())
        accuracy = _classified(answered[name], test)
        paired = compare(test.truth, answered[REFERENCE], answered[name], test.labels, test.identities, REFERENCE)
        facts: dict[str, Any] = {"accuracy": accuracy, "paired": paired, "latency": rows}
        entries.append(entry_of(name, variant, target, model, out / "artifacts" / variant / target, out, **facts))
    front = findings.mark_pareto(entries, threads)
    return tuple(replace(entry, pareto=entry.name in front) for entry in entries)


def entry_of(name: str, variant: str, target: str, model: Model, folder: Path, out: Path, **facts: Any) -> Entry:
    """A report's entry for an artifact that lies in `folder`, with whatever of accuracy, paired and latency is known."""
    rows = facts.get("latency", ())
    return Entry(
        name=name,
        variant=variant,
        target=target,
        folder=str(folder.relative_to(out)) if folder.is_relative_to(out) else str(folder),
        digest=model.digest,
        size_bytes=model.size_bytes,
        compressed_bytes=sum(_compressed_size(model.path / file) for file in model.files),
        runtime=runtime_of(model).name,
        proof=model.proof,
        lineage=model.lineage,
        notes=model.notes,
        peak_bytes=max((row.raw.peak_bytes for row in rows), default=None),
        **facts,
    )


def _compressed_size(file: Path) -> int:
    """Bytes of a file under DEFLATE (RFC 1951) level 9, read in pieces."""
    packer = zlib.compressobj(9)
    total = 0
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            total += len(packer.compress(piece))
    return total + len(packer.flush())
