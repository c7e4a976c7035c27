"""`python -m edgekit.agent JOB.json`: does one job on this machine and writes `result.json` into the job's `out`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit import errors
from edgekit.agent import infer, latency
from edgekit.agent.lifeline import die_with_parent
from edgekit.agent.result import write_result
from edgekit.core.job import JOB_SCHEMA, Job
from edgekit.core.serde import from_json


def main(arguments: list[str] | None = None) -> int:
    """Runs the job file named on the command line; returns the exit code.

    Events go to stdout, one JSON line each: `{"event": {"step": 3, "steps": 26, "text": "..."}}`. What an engine prints
    goes to stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m edgekit.agent", description=__doc__)
    parser.add_argument("job", type=Path, help="job file, schema edgekit.job/1")
    parser.add_argument("--parent", type=int, help="end when the process with this id has ended")
    asked = parser.parse_args(arguments)
    if asked.parent is not None:
        die_with_parent(asked.parent)
    try:
        job = read_job(asked.job)
        started = time.perf_counter()
        job.out.mkdir(parents=True, exist_ok=True)
        result = infer.run(job, _emit) if job.action == "infer" else latency.run(job, _emit)
        write_result(job.out, result, time.perf_counter() - started)
    except errors.EdgekitError as error:
        return _refuse(error)
    except OSError as error:
        return _refuse(errors.from_os_error(error, error.filename or asked.job))
    return 0


def read_job(file: Path) -> Job:
    """The job in a job file.

    Raises:
        MissingFileError: There is no such file.
        UsageError: It is not a job of a schema this version knows, or it asks for something impossible.
    """
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(body, dict) or body.get("schema") != JOB_SCHEMA:
            raise ValueError(f"its schema is not {JOB_SCHEMA}")
        job = from_json(Job, body)
        _check(job)
    except FileNotFoundError as error:
        raise errors.from_os_error(error, file) from error
    except ValueError as error:
        raise errors.UsageError(
            f"{file} is not a job: {error}.", fix="docs/reference/job.md describes the format."
        ) from error
    return job


def _check(job: Job) -> None:
    if not job.models:
        raise ValueError("it names no models")
    if len({model.id for model in job.models}) != len(job.models):
        raise ValueError("two of its models have the same id")
    if not job.samples:
        raise ValueError("it names no samples")
    strangers = set(job.plan.twins if job.plan else ()) - {model.id for model in job.models}
    if strangers:
        raise ValueError(f"its plan's twins {sorted(strangers)} are none of its models")
    if job.action == "latency" and job.plan is None:
        raise ValueError("it measures latency and has no plan")
    if job.plan and (job.plan.blocks < 1 or min(job.plan.threads, default=0) < 1):
        raise ValueError("its plan needs at least one of blocks and of threads")


def _emit(event: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps({"event": dict(event)}) + "\n")
    sys.stdout.flush()


def _refuse(error: errors.EdgekitError) -> int:
    known = {"type": type(error).__name__, "message": error.message, "fix": error.fix, "cause": error.cause}
    sys.stdout.write(json.dumps({"error": known}) + "\n")
    sys.stdout.flush()
    return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
