"""What a child process does with its artifact: run samples through it, or time it in blocks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.core.contract import InputContract
from edgekit.core.job import JobModel, LatencyPlan
from edgekit.core.serde import from_json
from edgekit.core.session import Runtime, Session
from edgekit.measure import clock, memory, warmup


class Inputs:
    """The job's samples, memory-mapped, each as the model's real inputs.

    Args:
        files: One `.npy` file an input, `[n, ...]`.
        contract: What the samples of the first input go through, or None.
    """

    def __init__(self, files: Sequence[Path], contract: InputContract | None) -> None:
        import numpy as np

        self._contract = contract
        self._files = files
        try:
            self._arrays = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]
        except ValueError as problem:
            raise errors.DataError(
                f"The samples cannot be read: {problem}.", fix="Write them again with numpy.save, one array a file."
            ) from problem
        counts = {array.shape[0] if array.ndim else 0 for array in self._arrays}
        if len(counts) != 1 or 0 in counts:
            raise errors.DataError(
                f"The sample files hold {sorted(counts)} samples.",
                fix="Give every input the same number of samples, at least one.",
            )
        self._count = counts.pop()

    def __len__(self) -> int:
        return self._count

    @property
    def names(self) -> list[str]:
        """Names of the sample files."""
        return [file.name for file in self._files]

    def feeds(self, index: int) -> list[Any]:
        """Sample `index`, one array `[1, ...]` an input.

        Raises:
            DataError: The contract does not fit the sample.
        """
        import numpy as np

        # Plain arrays in memory: engines take a memory-mapped view 1 to 2 us slower.
        rows = [np.array(array[index]) for array in self._arrays]
        if self._contract is None:
            return [row[None] for row in rows]
        try:
            return [self._contract.apply(rows[0]), *(row[None] for row in rows[1:])]
        except ValueError as problem:
            raise errors.DataError(
                f"Sample {index} does not fit the input contract: {problem}.",
                fix="Set resize and crop in the contract, or give samples of the contract's size.",
            ) from problem


def infer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Runs every sample and writes the outputs, `output_<k>` float32 `[n, ...]`, to the request's file."""
    import numpy as np

    model = from_json(JobModel, request["model"])
    job = request["job"]
    started = time.perf_counter()
    runtime = load_runtime(model)
    inside_s = time.perf_counter() - started
    inputs = _inputs(job)
    started = time.perf_counter()
    session = _open(runtime, model, _cores(), inputs)
    inside_s += time.perf_counter() - started
    kept: list[Any] = []
    with session:
        for index in range(len(inputs)):
            feeds = inputs.feeds(index)
            started = time.perf_counter()
            with _engine_errors(model):
                rows = [_row(output) for output in session.run_real(feeds)]
            inside_s += time.perf_counter() - started
            if not kept:
                kept = [np.empty((len(inputs), *row.shape), np.float32) for row in rows]
            _keep(model, kept, rows, index)
    _save(Path(job["out"]) / request["file"], kept)
    return {"inside_s": inside_s}


def _keep(model: JobModel, kept: Sequence[Any], rows: Sequence[Any], index: int) -> None:
    for array, row in zip(kept, rows, strict=True):
        if array.shape[1:] != row.shape:
            raise errors.InferenceError(
                f"{model.id}: the output of sample {index} is {list(row.shape)}, those before {list(array.shape[1:])}.",
                fix="Fix the model's shapes, or use samples of one shape.",
            )
        array[index] = row


class Timed:
    """One open artifact whose inference is timed on request: `open`, `warm`, any number of `block`s, `peak`."""

    def __init__(self) -> None:
        self._model: JobModel
        self._session: Session
        self._call: Callable[[], Any]
        self._plan: LatencyPlan

    def open(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Imports the runtime and opens the artifact; answers with both times and the memory before and after."""
        model = from_json(JobModel, request["model"])
        self._plan = from_json(LatencyPlan, request["plan"])
        inputs = _inputs(request["job"])
        feeds = inputs.feeds(self._plan.seed % len(inputs))
        baseline = memory.resident_bytes()
        started = time.perf_counter_ns()
        runtime = load_runtime(model)
        imported = time.perf_counter_ns()
        session = _open(runtime, model, request["threads"], inputs)
        loaded = time.perf_counter_ns()
        answer = {
            "import_ms": (imported - started) / 1e6,
            "load_ms": (loaded - imported) / 1e6,
            "baseline_bytes": baseline,
            "loaded_bytes": memory.resident_bytes(),
        }
        self._session, self._model = session, model
        with _engine_errors(model):
            self._call = session.bind(session.to_stored(feeds))
        clock.stop_collector()
        return answer

    def warm(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Times the first inference, then runs until the latency is steady."""
        with _engine_errors(self._model):
            first_ms = clock.time_call_ms(self._call)
            warmed = warmup.run(self._call, max_s=self._plan.max_warmup_s)
            clock.settle()
        return {
            "first_ms": first_ms,
            "warmup_count": warmed.count,
            "steady": warmed.steady,
            "inside_s": (first_ms + sum(warmed.latencies_ms)) / 1e3,
        }

    def block(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Times one block; answers when the runtime's threads sleep, so that the next artifact has the cores alone."""
        with _engine_errors(self._model):
            for _ in range(self._plan.rewarm):
                self._call()
            latencies = clock.time_block_ms(self._call, min_ms=self._plan.min_block_ms, min_count=request["min_count"])
            clock.settle()
        return {"latencies_ms": latencies}

    def peak(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """The largest resident memory the process had."""
        return {"peak_bytes": memory.peak_bytes()}


def load_runtime(model: JobModel) -> Runtime:
    """The artifact's runtime, its engine imported."""
    runtime: Runtime = registry.load(model.runtime)()
    runtime.load_engine()
    return runtime


def _open(runtime: Runtime, model: JobModel, threads: int, inputs: Inputs) -> Session:
    session = runtime.open(model.file, threads=threads, inputs=model.inputs, outputs=model.outputs)
    if len(session.inputs) != len(inputs.names):
        raise errors.DataError(
            f"{model.id} takes {len(session.inputs)} inputs ({', '.join(map(str, session.inputs))}) and the job has "
            f"samples for {len(inputs.names)} ({', '.join(inputs.names)}).",
            fix="Give one sample file an input, in the order of the model's inputs.",
        )
    return session


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _inputs(job: Mapping[str, Any]) -> Inputs:
    contract = from_json(InputContract, job["contract"]) if job["contract"] else None
    return Inputs([Path(file) for file in job["samples"]], contract)


@contextmanager
def _engine_errors(model: JobModel) -> Iterator[None]:
    """Whatever an engine raises inside becomes an InferenceError."""
    try:
        yield
    except (errors.EdgekitError, OSError, MemoryError):
        raise
    except Exception as problem:
        words = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
        raise errors.InferenceError(
            f"{model.id} failed while running: {words}",
            fix=f"Compare the samples with the model's inputs: {', '.join(map(str, model.inputs))}.",
        ) from problem


def _row(output: Any) -> Any:
    return output[0] if output.ndim and output.shape[0] == 1 else output


def _save(file: Path, arrays: Sequence[Any]) -> None:
    import numpy as np

    partial = file.with_name(f".{file.name}.{os.getpid()}")
    with partial.open("wb") as stream:
        np.savez(stream, **{f"output_{index}": array for index, array in enumerate(arrays)})
    partial.replace(file)
