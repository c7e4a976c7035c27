"""The action `latency`: all artifacts open side by side, each in its own process, timed in interleaved blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from edgekit import errors
from edgekit.agent.process import Child
from edgekit.agent.result import failure
from edgekit.core.job import Failure, Job, JobModel, JobResult, LatencyPlan
from edgekit.core.measurement import LatencySamples
from edgekit.core.serde import to_json
from edgekit.measure.order import interleaved

Emit = Callable[[Mapping[str, Any]], None]


@dataclass
class _Runner:
    """One process of a round: its artifact and what it has answered so far."""

    model: JobModel
    twin: bool
    child: Child
    facts: dict[str, Any] = field(default_factory=dict)
    blocks: list[tuple[float, ...]] = field(default_factory=list)


def run(job: Job, emit: Emit) -> JobResult:
    """Measures: one round for each thread count; a model that fails becomes a `Failure`, the others go on."""
    assert job.plan is not None
    plan = job.plan
    measure = _Measure(job, plan, emit)
    for threads in plan.threads:
        measure.round(threads)
    return JobResult(
        outputs={},
        samples=tuple(measure.samples),
        failures=tuple(measure.failures),
        seconds=0.0,
        inference_seconds=measure.inside_s,
    )


class _Measure:
    def __init__(self, job: Job, plan: LatencyPlan, emit: Emit) -> None:
        self._job, self._plan, self._emit = job, plan, emit
        self._request = {"samples": job.samples, "contract": job.contract, "out": job.out}
        self._step = 0
        self._steps = len(plan.threads) * (len(job.models) + 1 + plan.blocks)
        self.samples: list[LatencySamples] = []
        self.failures: list[Failure] = []
        self.inside_s = 0.0

    def round(self, threads: int) -> None:
        """Every artifact at one thread count; the twin's process is the last one opened."""
        twin_id = self._plan.twin or self._job.models[0].id
        twin = next(model for model in self._job.models if model.id == twin_id)
        words = f"{threads} thread{'s' if threads > 1 else ''}"
        with ExitStack() as stack:
            runners: list[_Runner] = []
            for model, is_twin in [*((model, False) for model in self._job.models), (twin, True)]:
                opened = None if is_twin and self._failed(twin_id, threads) else self._open(model, is_twin, threads, stack)
                runners += [opened] if opened else []
                self._progress(f"opened {model.id}, {words}")
            self._blocks(runners, threads, words)
            for runner in runners:
                self._finish(runner, threads)

    def _open(self, model: JobModel, twin: bool, threads: int, stack: ExitStack) -> _Runner | None:
        runner = _Runner(model, twin, stack.enter_context(Child(model.id, self._job.time_limit_s)))
        request = {
            "do": "open",
            "model": to_json(model),
            "job": to_json(self._request),
            "plan": to_json(self._plan),
            "threads": threads,
        }
        if not (self._ask(runner, request, threads) and self._ask(runner, {"do": "warm"}, threads)):
            return None
        facts = runner.facts
        self.inside_s += (facts["import_ms"] + facts["load_ms"]) / 1e3 + facts.pop("inside_s")
        return runner

    def _blocks(self, runners: list[_Runner], threads: int, words: str) -> None:
        min_count = math.ceil(self._plan.min_samples / self._plan.blocks)
        order = interleaved(range(len(runners)), self._plan.blocks, self._plan.seed)
        for turn, index in enumerate(order):
            runner = runners[index]
            if not self._failed(runner.model.id, threads) and self._ask(
                runner, {"do": "block", "min_count": min_count}, threads
            ):
                latencies = runner.facts.pop("latencies_ms")
                runner.blocks.append(tuple(latencies))
                self.inside_s += sum(latencies) / 1e3
            if (turn + 1) % len(runners) == 0:
                self._progress(f"measured block {(turn + 1) // len(runners)} of {self._plan.blocks}, {words}")

    def _finish(self, runner: _Runner, threads: int) -> None:
        if self._failed(runner.model.id, threads) or not self._ask(runner, {"do": "peak"}, threads):
            return
        runner.child.close()
        self.samples.append(
            LatencySamples(
                id=runner.model.id, threads=threads, twin=runner.twin, blocks_ms=tuple(runner.blocks), **runner.facts
            )
        )

    def _ask(self, runner: _Runner, request: Mapping[str, Any], threads: int) -> bool:
        """Adds the answer to the runner's facts; False when it failed, which ends its process."""
        try:
            runner.facts.update(runner.child.ask(request))
        except errors.EdgekitError as error:
            runner.child.close()
            self.failures.append(failure(runner.model.id, error, threads))
            return False
        return True

    def _failed(self, model_id: str, threads: int) -> bool:
        return any(row.id == model_id and row.threads == threads for row in self.failures)

    def _progress(self, text: str) -> None:
        self._step += 1
        self._emit({"step": self._step, "steps": self._steps, "text": text})
