"""Training in a run: the float model, and the pruned variants that are fine-tuned from it, each kept in the store."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit import registry
from edgekit.core.contract import InputContract
from edgekit.core.model import Model
from edgekit.core.protocols import Made, Trained, TrainWork, Work
from edgekit.core.recipe import Prune, Recipe
from edgekit.core.report import EpochFacts, TrainingFacts
from edgekit.core.serde import from_json, to_json
from edgekit.core.target import ModelFormat
from edgekit.pipeline.data import Division, versions
from edgekit.pipeline.intake import finish, read_facts, source_of
from edgekit.pipeline.store import code_digest
from edgekit.pipeline.tools import Tools

OVERFIT_GAP = 0.02
"""A train accuracy this far above the validation accuracy, as a share, is called overfitting in the report."""

_TRAINED = "trained.json"


def train(recipe: Recipe, division: Division, tools: Tools) -> tuple[Model, TrainingFacts]:
    """The float model of a recipe.

    Raises:
        UnknownNameError: No such trainer or architecture.
        MissingPackageError: The framework is not installed.
    """
    options = to_json(recipe.train)
    return _fit("dense", "train", options, None, recipe, division, tools, keep_zeros=False)


def prune(model: Model, prune: Prune, trainer: str, tools: Tools) -> Model:
    """The pruned model, not yet fine-tuned.

    Raises:
        UnsupportedModelError: Nothing in the model can be pruned.
    """
    plugin = registry.get("trainers", trainer)
    parts = {
        "what": "prune",
        "plugin": trainer,
        "code": code_digest(plugin),
        "versions": versions(plugin.packages),
        "source": model.digest,
        "method": prune.method,
        "amount": prune.amount,
    }

    def make(folder: Path) -> None:
        started = time.perf_counter()
        work = Work(model.file, folder, model.inputs, model.outputs)
        payload = {"plugin": trainer, "work": to_json(work), "method": prune.method, "amount": prune.amount}
        with tools.progress.step("convert", f"prune {prune.method} {prune.amount:g}") as step:
            made = from_json(Made, tools.workshop.call(plugin.engine, "prune", payload, step.event))
            facts = read_facts(tools, source_of(ModelFormat.KERAS), folder / made.file)
        finish(
            folder,
            facts,
            stage="prune",
            tool=trainer,
            options={"method": prune.method, "amount": prune.amount},
            started=started,
            source=model,
            packages=plugin.packages,
            notes=made.notes,
        )

    return Model.read(tools.store.produce(parts, make).path)


def finetune(
    variant: str, model: Model, prune: Prune, recipe: Recipe, division: Division, tools: Tools
) -> tuple[Model, TrainingFacts]:
    """A pruned model, trained further on the recipe's data."""
    options = {
        **to_json(recipe.train),
        "epochs": prune.finetune_epochs,
        "learning_rate": prune.learning_rate,
        "early_stopping": prune.finetune_epochs,
    }
    return _fit(variant, "finetune", options, model, recipe, division, tools, keep_zeros=prune.method == "magnitude")


def _fit(
    variant: str,
    stage: str,
    options: Mapping[str, Any],
    start: Model | None,
    recipe: Recipe,
    division: Division,
    tools: Tools,
    *,
    keep_zeros: bool,
) -> tuple[Model, TrainingFacts]:
    plugin = registry.get("trainers", recipe.train.trainer)
    contract: InputContract = recipe.input
    parts = {
        "what": stage,
        "plugin": plugin.name,
        "code": code_digest(plugin),
        "versions": versions(plugin.packages),
        "data": division.folder.name,
        "contract": to_json(contract),
        "options": options,
        "start": start.digest if start else None,
        "keep_zeros": keep_zeros,
        "seed": recipe.seed,
    }
    label = f"{stage} {variant}"

    def make(folder: Path) -> None:
        started = time.perf_counter()
        work = TrainWork(
            out=folder,
            checkpoint=tools.store.partial(parts),
            data=division.folder,
            contract=contract.after_fit(),
            classes=len(division.evaluation.labels),
            seed=recipe.seed,
            options=options,
            start=start.file if start else None,
            keep_zeros=keep_zeros,
        )
        with tools.progress.step("train", label) as step:
            answer = tools.workshop.call(plugin.engine, "train", {"plugin": plugin.name, "work": to_json(work)}, step.event)
            facts = read_facts(tools, source_of(ModelFormat.KERAS), folder / from_json(Trained, answer).file)
        body = {**answer, "wall_seconds": time.perf_counter() - started}
        (folder / _TRAINED).write_text(json.dumps(body), encoding="utf-8")
        finish(
            folder,
            facts,
            stage=stage,
            tool=plugin.name,
            options={**options, "seed": recipe.seed, "dataset": recipe.data.dataset},
            started=started,
            source=start,
            packages=plugin.packages,
            contract=contract,
            labels=division.evaluation.labels,
            notes=start.notes if start else (),
        )

    entry = tools.store.produce(parts, make)
    if entry.cached:
        tools.progress.cached("train", label)
    body = json.loads((entry.path / _TRAINED).read_text(encoding="utf-8"))
    return Model.read(entry.path), _facts(variant, from_json(Trained, body), body["wall_seconds"])


def _facts(variant: str, trained: Trained, seconds: float) -> TrainingFacts:
    gap = trained.train_accuracy - trained.validation_accuracy
    seen, unseen = 100 * trained.train_accuracy, 100 * trained.validation_accuracy
    numbers = f"{seen:.1f} % on training data, {unseen:.1f} % on validation data"
    if gap > OVERFIT_GAP:
        verdict = f"Overfits: {numbers}, {100 * gap:.1f} points apart."
    else:
        verdict = f"No overfitting to speak of: {numbers}."
    epochs = tuple(
        EpochFacts(e.train_loss, e.train_accuracy, e.validation_loss, e.validation_accuracy) for e in trained.epochs
    )
    return TrainingFacts(
        variant=variant,
        epochs=epochs,
        best_epoch=trained.best_epoch,
        stopped_early=trained.stopped_early,
        train_accuracy=trained.train_accuracy,
        validation_accuracy=trained.validation_accuracy,
        gap=gap,
        verdict=verdict,
        seconds=round(seconds, 3),
    )
