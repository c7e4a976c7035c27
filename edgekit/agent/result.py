"""Writing what a job found: one `result.json`, complete or not there at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit import errors
from edgekit.core.job import RESULT_SCHEMA, Failure, JobResult
from edgekit.core.serde import dumps, to_json

RESULT = "result.json"


def write_result(out: Path, result: JobResult, seconds: float) -> None:
    """Writes `result`, with the job's wall time filled in, to `out`/result.json."""
    body: dict[str, Any] = {"schema": RESULT_SCHEMA, **to_json(replace(result, seconds=seconds))}
    partial = out / f".{RESULT}.{os.getpid()}"
    partial.write_text(dumps(body) + "\n", encoding="utf-8")
    partial.replace(out / RESULT)


def failure(model_id: str, error: errors.EdgekitError, threads: int | None = None) -> Failure:
    """The row of a model that has no result."""
    return Failure(id=model_id, kind=type(error).__name__, message=error.message, fix=error.fix, threads=threads)
