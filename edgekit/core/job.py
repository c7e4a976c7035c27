"""Job: what the agent is asked to do on a device, and what it answers - both are JSON files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgekit.core.contract import InputContract
from edgekit.core.measurement import LatencySamples
from edgekit.core.tensor import TensorSpec

JOB_SCHEMA = "edgekit.job/1"
RESULT_SCHEMA = "edgekit.result/1"


@dataclass(frozen=True)
class JobModel:
    """One artifact of a job.

    Attributes:
        id: Unique in the job; names its rows and files in the result.
        runtime: Import reference of the runtime (`edgekit.runtimes.litert:LiteRT`); boards have no entry points.
        file: The model file.
        inputs: Inputs as the artifact's manifest has them.
        outputs: Outputs as the artifact's manifest has them.
    """

    id: str
    runtime: str
    file: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class LatencyPlan:
    """How latency is measured.

    Attributes:
        threads: Thread counts; each is one round with every artifact.
        blocks: Blocks an artifact gets in a round. Blocks of all artifacts are interleaved, forward then backward
            (A B C, C B A, ...), so that drift hits all alike.
        min_block_ms: A block runs at least this long.
        min_samples: An artifact's blocks together hold at least this many inferences; 662 supports p99
            (MLPerf LoadGen early stopping), 130 p95.
        rewarm: Inferences at the start of a block that are run and not counted, because another artifact had the caches.
        max_warmup_s: Warm-up gives up looking for a steady state after this long, and says so.
        twins: Ids of the artifacts that are run a second time in a process of their own: the noise floor. Empty: the first.
        seed: Seed of the input sample's choice.
    """

    threads: tuple[int, ...] = (1, 2)
    blocks: int = 12
    min_block_ms: float = 20.0
    min_samples: int = 240
    rewarm: int = 3
    max_warmup_s: float = 3.0
    twins: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Job:
    """One job for the agent.

    Attributes:
        action: `infer` runs every sample through every model and keeps the outputs; `latency` measures.
        models: The artifacts.
        samples: One `.npy` file an input, `[n, ...]` without the batch axis; memory-mapped, never loaded whole.
        contract: Turns the samples of the first input into the model's input; None when they already are.
        out: Folder for `result.json` and, after `infer`, `<id>.npz` with arrays `output_0`, `output_1`, ... of
            float32 `[n, ...]` (integer outputs are dequantized).
        plan: How to measure; `latency` only.
        time_limit_s: A model that has not finished by then is stopped and reported as failed.
    """

    action: Literal["infer", "latency"]
    models: tuple[JobModel, ...]
    samples: tuple[Path, ...]
    out: Path
    contract: InputContract | None = None
    plan: LatencyPlan | None = None
    time_limit_s: float = 600.0


@dataclass(frozen=True)
class Failure:
    """Why a model has no result: `kind` is a class of edgekit.errors, `threads` is None for `infer`."""

    id: str
    kind: str
    message: str
    fix: str
    threads: int | None = None


@dataclass(frozen=True)
class JobResult:
    """What the agent found.

    Attributes:
        outputs: Model id to the name of its `.npz` file in the job's `out`; `infer` only.
        samples: One entry a model and thread count, the twins' last; `latency` only.
        failures: Models without a result.
        seconds: Wall time of the job.
        inference_seconds: The part of it spent inside the runtimes.
    """

    outputs: dict[str, str]
    samples: tuple[LatencySamples, ...]
    failures: tuple[Failure, ...]
    seconds: float
    inference_seconds: float
