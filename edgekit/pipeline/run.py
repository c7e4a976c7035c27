"""Run: a recipe from data to report - train, prune, build, prove, measure - where every finished step is kept."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import edgekit
from edgekit import errors, registry
from edgekit.core.model import MANIFEST, Model
from edgekit.core.proof import Proof
from edgekit.core.recipe import Recipe, Variant
from edgekit.core.report import DataFacts, Rejected, Report, TrainingFacts
from edgekit.core.serde import to_json
from edgekit.pipeline import bench, training
from edgekit.pipeline.assemble import new_report, render, scored_entries, scores
from edgekit.pipeline.build import Basis, build
from edgekit.pipeline.data import Division, Prepared, divided
from edgekit.pipeline.plan import parse_target
from edgekit.pipeline.prove import PRUNED, answers_of, prove
from edgekit.pipeline.store import KEY, place
from edgekit.pipeline.tools import Tools

REFERENCE = "dense/float"


@dataclass(frozen=True)
class Results:
    """Everything a run has made and measured, before any of it is put into words."""

    division: Division
    models: Mapping[str, Model]
    training: tuple[TrainingFacts, ...]
    artifacts: Mapping[str, Model]
    rejected: tuple[Rejected, ...]
    measured: Path


def run(recipe: Recipe, out: Path, tools: Tools) -> Report:
    """Runs a recipe and writes its artifacts and its report, in every form, into `out`.

    An artifact that fails is listed in `Report.rejected` and the others go on. When nothing changed since an earlier run,
    the files are that run's, and only `wall_seconds` and `time_spent` of the returned report are new.

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
    results = _results(recipe, out, tools)
    parts = {
        "what": "report",
        "code": _code_digest(),
        "recipe": to_json(recipe),
        "models": {name: model.digest for name, model in {**results.models, **results.artifacts}.items()},
        "rejected": to_json(results.rejected),
        "data": results.division.folder.name,
        "measured": results.measured.name,
    }

    def make(folder: Path) -> None:
        report = _report(recipe, results, tools)
        render(report, folder, tools, ("text", "markdown", "html"))
        wall = time.perf_counter() - started
        timed = replace(report, wall_seconds=round(wall, 3), time_spent=tools.progress.time_spent(wall))
        render(timed, folder, tools, ("json",))

    entry = tools.store.produce(parts, make)
    if entry.cached:
        tools.progress.cached("report", "write the reports")
    _publish(entry.path, out)
    report: Report = registry.load("edgekit.renderers.json:read_report")(entry.path / "report.json")
    wall = time.perf_counter() - started
    return replace(report, wall_seconds=round(wall, 3), time_spent=tools.progress.time_spent(wall))


def _results(recipe: Recipe, out: Path, tools: Tools) -> Results:
    division = divided(recipe, tools)
    for note in division.notes:
        tools.progress.say(note)
    models, facts, rejected = _models(recipe, division, out, tools)
    artifacts, refused = _artifacts(recipe, models, division, out, tools)
    measured = bench.measure(artifacts, recipe.bench, division.calibration, tools)
    return Results(division, models, facts, artifacts, (*rejected, *refused), measured)


def _report(recipe: Recipe, results: Results, tools: Tools) -> Report:
    division = results.division
    test = _test_samples(division)
    answers = {
        name: answers_of(model, division.evaluation, tools)[division.proofs :]
        for name, model in {REFERENCE: results.models["dense"], **results.artifacts}.items()
    }
    latencies = bench.summarized(results.measured, recipe.bench)
    return new_report(
        recipe.name,
        recipe.description,
        recipe.bench.threads[0],
        scored_entries(results.artifacts, answers, REFERENCE, test, latencies),
        latencies,
        data=DataFacts(recipe.data.dataset, division.counts, division.evaluation.labels, recipe.seed),
        contract=recipe.input,
        training=results.training,
        reference=REFERENCE,
        reference_accuracy=scores(answers[REFERENCE], test),
        rejected=(*results.rejected, *bench.rejections(latencies)),
        time_spent=(),
        options=to_json(recipe),
        wall_seconds=0.0,
    )


def _publish(folder: Path, out: Path) -> None:
    """Copies the report's files into `out`, each atomically."""
    try:
        for source in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != KEY):
            target = out / source.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            building = target.with_name(f".{target.name}.new")
            shutil.copyfile(source, building)
            building.replace(target)
    except OSError as problem:
        raise errors.from_os_error(problem, out, writing=True) from problem


def _code_digest() -> str:
    """Changes with any file of edgekit, so that a newer one does not show an older one's report."""
    package = Path(edgekit.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


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
    place(dense.path, out / "artifacts" / "dense" / "float", MANIFEST)
    models, facts, rejected = {"dense": dense}, [dense_facts], []
    for variant in recipe.variants:
        try:
            model, variant_facts = _variant(recipe, variant, dense, division, tools)
        except errors.EdgekitError as problem:
            rejected.append(_rejection(variant.name, problem, tools))
            continue
        place(model.path, out / "artifacts" / variant.name / "float", MANIFEST)
        models[variant.name] = model
        facts.append(variant_facts)
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
            rejects=folder.joinpath,
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
