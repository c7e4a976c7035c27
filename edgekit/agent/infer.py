"""The action `infer`: every sample through every artifact, one process after another, outputs kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from edgekit import errors
from edgekit.agent.process import Child
from edgekit.agent.result import failure
from edgekit.core.job import Failure, Job, JobResult
from edgekit.core.serde import to_json

Emit = Callable[[Mapping[str, Any]], None]


def run(job: Job, emit: Emit) -> JobResult:
    """Runs the job; a model that fails becomes a `Failure`, the others go on."""
    outputs: dict[str, str] = {}
    failures: list[Failure] = []
    inside_s = 0.0
    for index, model in enumerate(job.models):
        file = f"{file_stem(model.id, set(outputs.values()))}.npz"
        try:
            with Child(model.id, job.time_limit_s) as child:
                request = {"do": "infer", "model": to_json(model), "job": to_json(_without_models(job)), "file": file}
                inside_s += child.ask(request)["inside_s"]
            outputs[model.id] = file
        except errors.EdgekitError as error:
            failures.append(failure(model.id, error))
        emit({"step": index + 1, "steps": len(job.models), "text": f"ran {model.id}"})
    return JobResult(outputs=outputs, samples=(), failures=tuple(failures), seconds=0.0, inference_seconds=inside_s)


def file_stem(model_id: str, taken: set[str]) -> str:
    """A file name for an id (`dense/tflite-int8` becomes `dense-tflite-int8`) that no other id of the job has."""
    stem = re.sub(r"[^\w.-]+", "-", model_id)
    return stem if f"{stem}.npz" not in taken else f"{stem}-{len(taken)}"


def _without_models(job: Job) -> dict[str, Any]:
    return {"samples": job.samples, "contract": job.contract, "out": job.out}
