"""Bench: latency of many artifacts in one interleaved job, with the noise floor of the machine it ran on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.agent import artifact as agent_code
from edgekit.core.job import Failure, Job, JobResult, LatencyPlan
from edgekit.core.measurement import LatencySummary, NoiseFloor
from edgekit.core.model import Model
from edgekit.core.recipe import Bench
from edgekit.core.report import Rejected
from edgekit.core.serde import dumps, from_json, to_json
from edgekit.measure import clock
from edgekit.measure.machine import describe_machine
from edgekit.metrics.latency import noise_floor, samples_needed, summarize
from edgekit.metrics.speed import SpeedRatio
from edgekit.pipeline.agents import run_job
from edgekit.pipeline.data import Prepared, versions
from edgekit.pipeline.prove import job_model, runtime_of
from edgekit.pipeline.store import code_digest
from edgekit.pipeline.tools import Tools

BLOCKS = 12
"""Blocks an artifact gets a round: an even number, so that each goes as often forward as backward."""


@dataclass(frozen=True)
class Latencies:
    """Latency summaries by artifact name, the noise floors, and what could not be measured."""

    summaries: Mapping[str, tuple[LatencySummary, ...]]
    noise: tuple[NoiseFloor, ...]
    failures: tuple[Failure, ...]


def measure(models: Mapping[str, Model], bench: Bench, samples: Prepared, tools: Tools) -> Path:
    """Measures the latency of every artifact in one interleaved job; returns the stored folder with what was measured.

    Args:
        models: Artifacts by name; the first of each runtime is also measured against itself.
        bench: Thread counts, percentiles and least time.
        samples: Inputs; all artifacts get the same.
        tools: Store and progress.

    Raises:
        CrashError: The agent itself died.
    """
    plan = LatencyPlan(
        threads=bench.threads,
        blocks=BLOCKS,
        min_block_ms=1000.0 * bench.seconds / BLOCKS,
        min_samples=max(samples_needed(q) for q in bench.percentiles),
        twins=_twins(models),
    )
    machine = describe_machine()
    parts = {
        "what": "latency",
        "code": code_digest(*(runtime_of(model) for model in models.values()), agent_code, clock),
        "models": {name: [model.digest, to_json(model.inputs)] for name, model in models.items()},
        "versions": {name: versions(runtime_of(model).packages) for name, model in models.items()},
        "samples": samples.digest,
        "plan": to_json(plan),
        "machine": [machine.cpu, machine.cores, machine.memory_bytes, machine.os, machine.governor],
    }
    label = f"measure {len(models)} artifacts"

    def make(folder: Path) -> None:
        jobs = tuple(job_model(model, name) for name, model in models.items())
        files = samples.arranged(next(iter(models.values())).inputs)
        with tools.progress.step("measure", label) as step:
            result = run_job(
                Job("latency", jobs, files, folder, plan=plan), log=tools.store.log("agent"), on_event=step.event
            )
        (folder / "latency.json").write_text(dumps(result), encoding="utf-8")

    entry = tools.store.produce(parts, make)
    if entry.cached:
        tools.progress.cached("measure", label)
    return entry.path


def _twins(models: Mapping[str, Model]) -> tuple[str, ...]:
    """The first artifact of each runtime: engines differ in how much they differ from themselves."""
    first: dict[str, str] = {}
    for name, model in models.items():
        first.setdefault(runtime_of(model).name, name)
    return tuple(first.values())


def summarized(measured: Path, bench: Bench) -> Latencies:
    """Summaries of what `measure` stored, with the percentiles that `bench` asks for."""
    result = from_json(JobResult, json.loads((measured / "latency.json").read_text(encoding="utf-8")))
    summaries: dict[str, list[LatencySummary]] = {}
    for row in result.samples:
        if not row.twin:
            summaries.setdefault(row.id, []).append(summarize(row, bench.percentiles))
    noise = []
    for twin in (row for row in result.samples if row.twin):
        artifact = next((r for r in result.samples if r.id == twin.id and r.threads == twin.threads and not r.twin), None)
        if artifact is not None:
            noise.append(noise_floor(artifact, twin))
    return Latencies({name: tuple(rows) for name, rows in summaries.items()}, tuple(noise), result.failures)


LEAST_FLOOR = 0.02
"""Below 2 % a difference is never called one, however quiet the machine: where a process's memory happens to lie changes its
speed by about that much (Mytkowicz et al. 2009, "Producing wrong data without doing anything obviously wrong"), and each
artifact has only one process."""


def beyond_noise(ratio: SpeedRatio, floor: float) -> bool:
    """Whether a speed ratio is a difference: its interval excludes 1, and it exceeds the noise floor and LEAST_FLOOR."""
    return not ratio.low <= 1.0 <= ratio.high and abs(math.log(ratio.value)) > math.log1p(max(floor, LEAST_FLOOR))


def rejections(latencies: Latencies) -> tuple[Rejected, ...]:
    """The failures of a measurement as a report lists them."""
    return tuple(Rejected(f.id, f.kind, f.message, f.fix) for f in latencies.failures)
