"""The agent, run as the pipeline runs it, on real files: right answers, whole measurements, and failures that stay alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from edgekit import errors
from edgekit.core.contract import InputContract
from edgekit.core.job import JOB_SCHEMA, Job, JobModel, LatencyPlan
from edgekit.core.serde import dumps, to_json
from edgekit.core.tensor import TensorSpec
from edgekit.pipeline.agents import run_job
from tests import tiny
from tests.models import Zoo

LITERT = "edgekit.runtimes.litert:LiteRT"
ONNXRUNTIME = "edgekit.runtimes.onnxruntime:ONNXRuntime"
OPENVINO = "edgekit.runtimes.openvino:OpenVINO"
PLAN = LatencyPlan(threads=(1,), blocks=4, min_block_ms=1.0, min_samples=44)


def _model(name: str, runtime: str, file: Path, ends: tuple[TensorSpec, TensorSpec] | None = None) -> JobModel:
    return JobModel(name, runtime, file, (ends[0],) if ends else (), (ends[1],) if ends else ())


def _five(folder: Path) -> tuple[JobModel, ...]:
    integers = (tiny.INTEGER_INPUT, tiny.INTEGER_OUTPUT)
    return (
        _model("dense/tflite-fp32", LITERT, tiny.tflite(folder)),
        _model("dense/tflite-int8", LITERT, tiny.tflite_int8(folder), integers),
        _model("dense/onnx-fp32", ONNXRUNTIME, tiny.onnx(folder)),
        _model("dense/onnx-int8", ONNXRUNTIME, tiny.onnx_int8(folder), integers),
        _model("dense/openvino-fp32", OPENVINO, tiny.openvino(folder)),
    )


def _job(folder: Path, action: Any, models: tuple[JobModel, ...], **changes: Any) -> Job:
    np.save(folder / "x.npy", tiny.samples(20))
    job = Job(action, models, (folder / "x.npy",), folder / "out", plan=PLAN if action == "latency" else None)
    return replace(job, **changes)


def _truncated(folder: Path) -> JobModel:
    whole = tiny.tflite(folder).read_bytes()
    (folder / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    return _model("cut", LITERT, folder / "cut.tflite")


def _wait(condition: Callable[[], Any], limit_s: float = 20.0) -> Any:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def _descendants() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "edgekit.agent" in " ".join(_cmdline(child))]


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_infer_gives_every_models_own_answers_in_real_numbers(tmp_path: Path) -> None:
    events: list[Any] = []
    result = run_job(_job(tmp_path, "infer", _five(tmp_path)), log=tmp_path / "log", on_event=events.append)
    assert result.failures == ()
    for name, file in result.outputs.items():
        with np.load(tmp_path / "out" / file) as arrays:
            found = arrays["output_0"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(
            found, tiny.answers(tiny.samples(20)), atol=tiny.OUTPUT_SCALE / 2 if "int8" in name else 1e-5
        )
    assert [event["step"] for event in events] == [1, 2, 3, 4, 5]
    assert 0 < result.inference_seconds < result.seconds
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*result.outputs.values(), "result.json"])


def test_infer_applies_the_contract_to_every_sample(tmp_path: Path) -> None:
    raw = np.arange(80, dtype=np.uint8).reshape(20, 4)
    job = _job(tmp_path, "infer", _five(tmp_path)[:1], contract=InputContract(mean=(40.0,), std=(20.0,)))
    np.save(tmp_path / "x.npy", raw)
    result = run_job(job, log=tmp_path / "log")
    with np.load(tmp_path / "out" / result.outputs["dense/tflite-fp32"]) as arrays:
        np.testing.assert_allclose(arrays["output_0"], tiny.answers((raw.astype(np.float32) - 40) / 20), atol=1e-5)


def test_keras_is_run_as_the_float_reference(zoo: Zoo, tmp_path: Path) -> None:
    model = _model("float", "edgekit.runtimes.keras:Keras", zoo.keras)
    job = _job(tmp_path, "infer", (model,))
    np.save(tmp_path / "x.npy", zoo.fresh)
    result = run_job(job, log=tmp_path / "log")
    assert result.failures == ()
    with np.load(tmp_path / "out" / result.outputs["float"]) as arrays:
        np.testing.assert_allclose(arrays["output_0"], zoo.answers, atol=1e-4)


def test_samples_that_do_not_fit_are_a_failure_with_a_fix(tmp_path: Path) -> None:
    job = _job(tmp_path, "infer", _five(tmp_path)[:1])
    np.save(tmp_path / "x.npy", np.zeros((3, 5), np.float32))
    (failure,) = run_job(job, log=tmp_path / "log").failures
    assert failure.kind == "InferenceError"
    assert "[1, 4]" in failure.message
    assert failure.fix


def test_latency_measures_every_artifact_and_the_twin(tmp_path: Path) -> None:
    job = _job(tmp_path, "latency", _five(tmp_path), plan=replace(PLAN, threads=(1, 2)))
    result = run_job(job, log=tmp_path / "log")
    assert result.failures == ()
    names = [model.id for model in job.models]
    assert [(row.id, row.threads) for row in result.samples if not row.twin] == [(n, t) for t in (1, 2) for n in names]
    assert [(row.id, row.threads) for row in result.samples if row.twin] == [(names[0], 1), (names[0], 2)]
    for row in result.samples:
        assert len(row.blocks_ms) == 4
        assert all(len(block) >= 11 for block in row.blocks_ms)
        assert all(sum(block) > 0 and min(block) > 0 for block in row.blocks_ms)
        assert 0 < row.baseline_bytes < row.loaded_bytes <= row.peak_bytes
        assert min(row.import_ms, row.load_ms, row.first_ms) > 0
    assert json.loads((tmp_path / "out/result.json").read_text())["schema"] == "edgekit.result/1"


def test_a_truncated_model_and_a_missing_runtime_fail_alone(tmp_path: Path) -> None:
    good, gone = _five(tmp_path)[0], _model("gone", LITERT, tmp_path / "gone.tflite")
    for action in ("infer", "latency"):
        job = _job(tmp_path, action, (_truncated(tmp_path), good, gone), out=tmp_path / action)
        result = run_job(job, log=tmp_path / "log")
        assert [(row.id, row.kind) for row in result.failures] == [
            ("cut", "CorruptModelError"),
            ("gone", "MissingFileError"),
        ]
        assert good.id in result.outputs or [row.id for row in result.samples] == [good.id]


def test_a_killed_child_fails_alone(tmp_path: Path) -> None:
    """The child of the second artifact is killed while all are being measured."""
    plan = replace(PLAN, blocks=40, min_block_ms=30.0)
    job = _job(tmp_path, "latency", _five(tmp_path)[:3], plan=plan)

    def kill(event: Any) -> None:
        if event["text"].startswith("measured") and not killed:
            children = [child for child in _descendants() if "edgekit.agent.child" in _cmdline(child)]
            assert len(children) == 4
            killed.append(sorted(children, key=lambda child: child.create_time())[2].pid)
            os.kill(killed[0], signal.SIGKILL)

    killed: list[int] = []
    result = run_job(job, log=tmp_path / "log", on_event=kill)
    (failure,) = result.failures
    assert (failure.id, failure.kind, failure.threads) == ("dense/tflite-int8", "CrashError", 1)
    assert "SIGKILL" in failure.message
    assert [row.id for row in result.samples] == ["dense/tflite-fp32", "dense/onnx-fp32", "dense/tflite-fp32"]
    assert all(len(row.blocks_ms) == 40 for row in result.samples)


def test_a_model_that_takes_too_long_is_stopped_and_the_others_go_on(tmp_path: Path) -> None:
    endless = _model("endless", ONNXRUNTIME, tiny.onnx_endless(tmp_path, 1_000_000_000))
    job = _job(tmp_path, "infer", (endless, _five(tmp_path)[0]), time_limit_s=4.0)
    result = run_job(job, log=tmp_path / "log")
    assert [(row.id, row.kind) for row in result.failures] == [("endless", "TimeLimitError")]
    assert list(result.outputs) == ["dense/tflite-fp32"]


def test_killing_the_agent_leaves_no_child_and_is_a_crash(tmp_path: Path) -> None:
    job = _job(tmp_path, "latency", _five(tmp_path)[:2], plan=replace(PLAN, blocks=10_000))
    found: list[psutil.Process] = []

    def kill() -> None:
        _wait(lambda: len(_descendants()) == 4)
        found.extend(_descendants())
        agent = next(process for process in found if "edgekit.agent" in _cmdline(process))
        agent.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(errors.CrashError, match="SIGKILL"):
        run_job(job, log=tmp_path / "log")
    killer.join()
    _wait(lambda: not any(process.is_running() for process in found))
    assert not (tmp_path / "out/result.json").exists()


def test_killing_the_caller_leaves_no_agent_and_no_child(tmp_path: Path) -> None:
    job = _job(tmp_path, "latency", _five(tmp_path)[:2], plan=replace(PLAN, blocks=10_000))
    (tmp_path / "job.json").write_text(dumps({"schema": JOB_SCHEMA, **to_json(job)}))
    code = (
        "import json, sys; from pathlib import Path; from edgekit.core.job import Job\n"
        "from edgekit.core.serde import from_json\n"
        "from edgekit.pipeline.agents import run_job\n"
        "run_job(from_json(Job, json.load(open(sys.argv[1]))), log=Path(sys.argv[2]))"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "job.json"), str(tmp_path / "log")])
    processes = _wait(lambda: found if len(found := _descendants()) >= 4 else None)
    caller.kill()
    caller.wait()
    _wait(lambda: not any(process.is_running() for process in processes))


def test_ctrl_c_ends_the_agent_and_its_children(tmp_path: Path) -> None:
    job = _job(tmp_path, "latency", _five(tmp_path)[:2], plan=replace(PLAN, blocks=10_000))

    def interrupt(event: Any) -> None:
        if event["text"].startswith("measured"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(job, log=tmp_path / "log", on_event=interrupt)
    _wait(lambda: not _descendants())
    assert list((tmp_path / "out").iterdir()) == []
