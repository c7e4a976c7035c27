"""Score: accuracy and latency of models that already exist, without a recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from edgekit import errors
from edgekit.core.measurement import Classification, PairedTest
from edgekit.core.model import Model
from edgekit.core.recipe import Bench
from edgekit.core.report import Report
from edgekit.core.serde import to_json
from edgekit.metrics.classification import classify
from edgekit.metrics.paired import compare
from edgekit.pipeline import bench
from edgekit.pipeline.assemble import entry_of, new_report
from edgekit.pipeline.data import Prepared, prepared, synthetic
from edgekit.pipeline.prove import answers_of
from edgekit.pipeline.tools import Tools

Scored = tuple[str, Classification, PairedTest | None]


def validate_models(
    models: Mapping[str, Model],
    reference: tuple[str, Model] | None,
    data: Path,
    labels: Path | None,
    limit: int | None,
    tools: Tools,
) -> list[Scored]:
    """Scores of each model on labelled data, compared with `reference` (its name and it), else with the first model.

    Raises:
        DataError: The samples cannot be used, or have no labels.
        LabelError: A label is outside the model's classes.
    """
    reference_name, before = next(iter(models)), None
    if reference is not None:
        reference_name, model = reference
        before = answers_of(model, _samples(model, data, labels, limit, tools), tools)
    rows: list[Scored] = []
    for name, model in models.items():
        samples = _samples(model, data, labels, limit, tools)
        answered = answers_of(model, samples, tools)
        assert samples.truth is not None
        names = _class_names(model, samples)
        paired = None
        if before is not None:
            paired = compare(samples.truth, before, answered, names, samples.identities, reference_name)
        rows.append((name, classify(samples.truth, answered, names), paired))
        before = before or answered
    return rows


def bench_models(models: Mapping[str, Model], data: Path | None, labels: Path | None, asked: Bench, tools: Tools) -> Report:
    """A report of models that already exist: latency and size, and accuracy when there is labelled data.

    Raises:
        UsageError: A percentile, thread count or time that cannot be.
    """
    started = time.perf_counter()
    _check(asked)
    first = next(iter(models.values()))
    scored = dict[str, tuple[Classification, PairedTest | None]]()
    if data is not None:
        scored = {
            name: (scores, paired) for name, scores, paired in validate_models(models, None, data, labels, None, tools)
        }
        samples = prepared(data, first.inputs[0], first.contract, tools, limit=16)
    else:
        samples = synthetic(first.inputs, tools)
    latencies = bench.summarized(bench.measure(models, asked, samples, tools), asked)
    entries = []
    for name, model in models.items():
        accuracy, paired = scored.get(name, (None, None))
        facts = {"accuracy": accuracy, "paired": paired, "latency": latencies.summaries.get(name, ())}
        entries.append(entry_of(name, name, str(model.target), model, str(model.path), **facts))
    wall = time.perf_counter() - started
    return new_report(
        "bench",
        f"{len(models)} models measured",
        asked.threads[0],
        entries,
        latencies,
        data=None,
        contract=first.contract,
        training=(),
        reference=next(iter(models)) if scored else None,
        reference_accuracy=next(iter(scored.values()))[0] if scored else None,
        rejected=bench.rejections(latencies),
        time_spent=tools.progress.time_spent(wall),
        options=to_json(asked),
        wall_seconds=round(wall, 3),
    )


def _check(asked: Bench) -> None:
    wrong = [f"percentile {q:g}" for q in asked.percentiles if not 0.0 < q < 100.0]
    wrong += [f"{n} threads" for n in asked.threads if n < 1]
    wrong += [f"{asked.seconds:g} seconds"] if asked.seconds <= 0.0 else []
    wrong += ["no percentile"] if not asked.percentiles else []
    wrong += ["no thread count"] if not asked.threads else []
    if wrong:
        raise errors.UsageError(
            f"Nothing can be measured with {', '.join(wrong)}.",
            fix="Give percentiles between 0 and 100, at least 1 thread, and more than 0 seconds.",
        )


def _samples(model: Model, data: Path, labels: Path | None, limit: int | None, tools: Tools) -> Prepared:
    return prepared(data, model.inputs[0], model.contract, tools, limit=limit, labelled=True, labels=labels)


def _class_names(model: Model, samples: Prepared) -> tuple[str, ...]:
    """The names of the classes: the model's own, else the data's, and numbers for those nobody named."""
    classes = model.outputs[0].shape[-1] or 0
    assert samples.truth is not None
    outside = next((i for i, label in enumerate(samples.truth) if not 0 <= label < classes), None)
    if outside is not None:
        raise errors.LabelError(
            f"Sample {samples.identities[outside]} has label {samples.truth[outside]}; the model has {classes} classes.",
            cause="The labels are for another model, or count from 1.",
            fix=f"Give labels 0..{classes - 1}.",
        )
    known = model.labels if len(model.labels) == classes else samples.labels
    return (*known, *(str(i) for i in range(len(known), classes)))
