"""The action `latency`: all artifacts open side by side, each in its own process, timed in interleaved blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgekit import errors
from edgekit.agent.process import Child
from edgekit.agent.result import failure
from edgekit.core.job import Failure, Job, JobModel, JobResult, LatencyPlan
from edgekit.core.measurement import LatencySamples
from edgekit.core.serde import to_json
from edgekit.measure import memory
from edgekit.measure.order import interleaved

Emit = Callable[[Mapping[str, Any]], None]

RESERVE_BYTES = 256 << 20
"""With less memory than this left, no more artifacts are opened beside the open ones: swapping would measure the disk."""


@dataclass
class _Runner:
    """One process of a round: its artifact and what it has answered so far."""

    model: JobModel
    twin: bool
    child: Child
    facts: dict[str, Any] = field(default_factory=dict)
    blocks: list[tuple[float, ...]] = field(default_factory=list)
    failed: bool = False


def run(job: Job, emit: Emit) -> JobResult:
    """Measures: one round for each thread count; a model that fails becomes a `Failure`, the others go on."""
    assert job.plan is not None
    conductor = _Conductor(job, job.plan, emit)
    for threads in job.plan.threads:
        conductor.round(threads)
    return JobResult(
        outputs={},
        samples=tuple(sorted(conductor.samples, key=lambda row: row.twin)),
        failures=tuple(conductor.failures),
        seconds=0.0,
        inference_seconds=conductor.inside_s,
    )


class _Conductor:
    """Tells every process when to run; only one of them works at any time."""

    def __init__(self, job: Job, plan: LatencyPlan, emit: Emit) -> None:
        self._job, self._plan, self._emit = job, plan, emit
        self._request = to_json({"samples": job.samples, "contract": job.contract, "out": job.out})
        self._step = 0
        self._twins = plan.twins or (job.models[0].id,)
        self._steps = len(plan.threads) * (len(job.models) + len(self._twins)) * (1 + plan.blocks)
        self.samples: list[LatencySamples] = []
        self.failures: list[Failure] = []
        self.inside_s = 0.0

    def round(self, threads: int) -> None:
        """Every artifact at one thread count, all at once, or in groups when memory is short."""
        waiting = list(self._job.models)
        while waiting:
            group: list[_Runner] = []
            try:
                while waiting and (not group or (memory.available_bytes() or RESERVE_BYTES) >= RESERVE_BYTES):
                    self._open_with_twin(waiting.pop(0), threads, group)
                self._run_blocks(group, threads)
                for runner in group:
                    self._finish(runner, threads)
            finally:
                for runner in group:
                    runner.child.close()

    def _open_with_twin(self, model: JobModel, threads: int, group: list[_Runner]) -> None:
        opened = self._open(model, False, threads, group)
        if model.id in self._twins:
            if opened:
                self._open(model, True, threads, group)
            else:
                self._step += 1 + self._plan.blocks

    def _open(self, model: JobModel, twin: bool, threads: int, group: list[_Runner]) -> bool:
        runner = _Runner(model, twin, Child(model.id, self._job.time_limit_s))
        group.append(runner)
        request = {
            "do": "open",
            "model": to_json(model),
            "job": self._request,
            "plan": to_json(self._plan),
            "threads": threads,
        }
        if self._ask(runner, request, threads) and self._ask(runner, {"do": "warm"}, threads):
            facts = runner.facts
            self.inside_s += (facts["import_ms"] + facts["load_ms"]) / 1e3 + facts.pop("inside_s")
        self._progress(f"opened {model.id}, {_threads(threads)}")
        return not runner.failed

    def _run_blocks(self, group: list[_Runner], threads: int) -> None:
        request = {"do": "block", "min_count": math.ceil(self._plan.min_samples / self._plan.blocks)}
        for runner in interleaved(group, self._plan.blocks, self._plan.seed):
            if not runner.failed and self._ask(runner, request, threads):
                latencies = runner.facts.pop("latencies_ms")
                runner.blocks.append(tuple(latencies))
                self.inside_s += sum(latencies) / 1e3
            self._progress(f"measured {runner.model.id}, {_threads(threads)}")

    def _finish(self, runner: _Runner, threads: int) -> None:
        if not runner.failed and self._ask(runner, {"do": "peak"}, threads):
            blocks = tuple(runner.blocks)
            self.samples.append(
                LatencySamples(id=runner.model.id, threads=threads, twin=runner.twin, blocks_ms=blocks, **runner.facts)
            )

    def _ask(self, runner: _Runner, request: Mapping[str, Any], threads: int) -> bool:
        """Adds the answer to the runner's facts; False when it failed, which ends its process."""
        try:
            runner.facts.update(runner.child.ask(request))
        except errors.EdgekitError as error:
            runner.failed = True
            runner.child.close()
            if runner.twin:
                error.message = f"The second process, for the noise floor, failed: {error.message}"
            self.failures.append(failure(runner.model.id, error, threads))
        return not runner.failed

    def _progress(self, text: str) -> None:
        self._step += 1
        self._emit({"step": self._step, "steps": self._steps, "text": text})


def _threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"
