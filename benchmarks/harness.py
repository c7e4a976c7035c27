"""Does the harness measure the runtime or itself? The agent's p50 against a bare loop of each runtime's own API.

    python benchmarks/harness.py                      # builds a small CNN with Keras and exports it
    python benchmarks/harness.py model.tflite m.onnx  # or measures these; a .xml is an OpenVINO IR

Both run in processes of their own, with the same file, input and thread count, in interleaved blocks. A ratio of 1.00
means that edgekit adds nothing; below 1, that its call is cheaper than the documented one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.agent.process import Child
from edgekit.core.job import JobModel, LatencyPlan
from edgekit.core.measurement import LatencySamples
from edgekit.core.serde import to_json
from edgekit.core.session import Runtime
from edgekit.measure.order import interleaved
from edgekit.metrics.latency import noise_floor, summarize
from edgekit.runtimes.litert import LiteRT
from edgekit.runtimes.onnxruntime import ONNXRuntime
from edgekit.runtimes.openvino import OpenVINO

RUNTIMES: dict[str, type[Runtime]] = {".tflite": LiteRT, ".onnx": ONNXRuntime, ".xml": OpenVINO}
PLAN = LatencyPlan(blocks=20, min_block_ms=50.0, min_samples=0)

BARE = """
import json, sys, time
import numpy as np
file, threads, x = sys.argv[1], int(sys.argv[2]), np.load(sys.argv[3])[:1]
if file.endswith(".tflite"):
    from ai_edge_litert.interpreter import Interpreter
    model = Interpreter(file, num_threads=threads)
    model.allocate_tensors()
    source, target = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
    def call():
        model.set_tensor(source, x)
        model.invoke()
        return model.get_tensor(target)
elif file.endswith(".onnx"):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    model = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = model.get_inputs()[0].name
    call = lambda: model.run(None, {name: x})
else:
    import openvino
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32",
              "ENABLE_CPU_PINNING": False}
    request = openvino.Core().compile_model(file, "CPU", config).create_infer_request()
    call = lambda: request.infer([x])
for _ in range(200):
    call()
print("{}", flush=True)
for line in sys.stdin:
    for _ in range(3):
        call()
    found, end = [], time.perf_counter() + float(line)
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    time.sleep(0.06)
    print(json.dumps([1e3 * t for t in found]), flush=True)
"""


def export(folder: Path) -> list[Path]:
    """A depthwise-separable CNN on 64x64 images, as `.tflite`, `.onnx` and OpenVINO IR."""
    import keras

    layers = keras.layers
    image = keras.Input((64, 64, 3), batch_size=1, name="image")
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(image)
    for width in (32, 64, 64, 128):
        x = layers.DepthwiseConv2D(3, strides=2 if width != x.shape[-1] else 1, padding="same", activation="relu")(x)
        x = layers.Conv2D(width, 1, activation="relu")(x)
    model = keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    model(np.zeros((1, 64, 64, 3), np.float32))
    files = [folder / "model.tflite", folder / "model.onnx", folder / "model.xml"]
    for file, form in zip(files, ("litert", "onnx", "openvino"), strict=True):
        model.export(str(file), format=form, verbose=False)
    return files


class Bare:
    """The bare loop in its own process."""

    def __init__(self, file: Path, threads: int, samples: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", BARE, str(file), str(threads), str(samples)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()

    def block(self) -> list[float]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{PLAN.min_block_ms / 1e3}\n")
        self._process.stdin.flush()
        return list(self._answer())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def compare(file: Path, threads: int, folder: Path) -> str:
    """One row of the table: both p50, their ratio and its 95 % interval."""
    runtime = RUNTIMES[file.suffix]
    with runtime().open(file, threads=1) as session:
        shape = [size or 1 for size in session.inputs[0].shape]
        stored = session.to_stored([np.random.default_rng(0).normal(size=shape).astype(np.float32)])[0]
    samples = folder / "x.npy"
    np.save(samples, stored)
    model = JobModel(file.name, f"{runtime.__module__}:{runtime.__name__}", file, (), ())
    job = {"samples": [str(samples)], "contract": None, "out": str(folder)}
    bare = Bare(file, threads, samples)
    with Child(file.name, 600.0) as child:
        child.ask({"do": "open", "model": to_json(model), "job": job, "plan": to_json(PLAN), "threads": threads})
        child.ask({"do": "warm"})
        blocks: dict[str, list[tuple[float, ...]]] = {"ours": [], "bare": []}
        for who in interleaved(["ours", "bare"], PLAN.blocks, seed=0):
            found = bare.block() if who == "bare" else child.ask({"do": "block", "min_count": 1})["latencies_ms"]
            blocks[who].append(tuple(found))
    bare.close()
    ours, loop = (_samples(who, threads, blocks[who]) for who in ("ours", "bare"))
    p50 = [summarize(row, [50.0]).percentiles[0].value_ms for row in (ours, loop)]
    ratio = noise_floor(loop, ours)
    low, high = ratio.interval
    return f"{file.name:16} {threads}  {p50[0]:9.4f} {p50[1]:9.4f}   {ratio.ratio:.3f} [{low:.3f}, {high:.3f}]"


def _samples(name: str, threads: int, blocks: list[tuple[float, ...]]) -> LatencySamples:
    return LatencySamples(name, threads, False, 0.0, 0.0, 0.0, 0, True, tuple(blocks), 0, 0, 0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = asked.models or export(Path(folder))
        print("file           threads  ours ms   bare ms   ratio [95 %]")
        for threads in asked.threads:
            for file in files:
                print(compare(file, threads, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
