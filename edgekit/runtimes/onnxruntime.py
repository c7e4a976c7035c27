"""ONNX Runtime: runs `.onnx` files with its CPU kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgekit import lazy
from edgekit.core.session import Runtime, Session
from edgekit.core.tensor import TensorSpec
from edgekit.runtimes import specs

_ERRORS_ONLY = 3
"""`log_severity_level`, onnxruntime_c_api.h: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal."""

_NUMPY = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
"""ONNX Runtime's names of the element types edgekit feeds."""


class ONNXRuntime(Runtime):
    """`onnxruntime.InferenceSession` on the CPU provider, every graph optimization on, operators one after another.

    Its worker threads spin while they wait for work (the default, which a deployer gets too). They go on for about 45 ms
    after a run; a measurement waits until they sleep before another artifact's block (see `measure.clock.settle`).
    A plain `run` is used, not IO binding: binding saves 2 us of 70 (`benchmarks/harness.py`) and few deployers use it.
    """

    name = "onnxruntime"
    formats = ("onnx",)
    packages = ("onnxruntime",)
    extra = "onnx"

    def load_engine(self) -> None:
        lazy.require("onnxruntime", extra=self.extra)

    def open(
        self, file: Path, *, threads: int, outputs: tuple[TensorSpec, ...] = (), inputs: tuple[TensorSpec, ...] = ()
    ) -> Session:
        engine = lazy.require("onnxruntime", extra=self.extra)
        specs.existing(file)
        options = engine.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = engine.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = engine.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _ERRORS_ONLY
        try:
            session = engine.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        # The binding's exceptions share no base but Exception (onnxruntime_pybind_exceptions.cc).
        except Exception as problem:
            raise specs.refusal("ONNX Runtime", file, problem, ("protobuf", "external data")) from problem
        return _ONNXSession(session, file, inputs, outputs)


class _ONNXSession(Session):
    def __init__(self, session: Any, file: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        self._session = session
        found_inputs = [_spec(node, file) for node in session.get_inputs()]
        found_outputs = [_spec(node, file) for node in session.get_outputs()]
        self.inputs = specs.with_quantization([found_inputs[i] for i in specs.order(found_inputs, inputs)], inputs)
        self.outputs = specs.with_quantization([found_outputs[i] for i in specs.order(found_outputs, outputs)], outputs)
        self._output_names = [spec.name for spec in self.outputs]

    def _bind(self, feeds: list[Any]) -> Callable[[], Sequence[Any]]:
        run, names = self._session.run, self._output_names
        by_name = {spec.name: feed for spec, feed in zip(self.inputs, feeds, strict=True)}
        return lambda: run(names, by_name)

    def _close(self) -> None:
        self._session = None


def _spec(node: Any, file: Path) -> TensorSpec:
    return TensorSpec(
        name=node.name,
        dtype=specs.dtype(_NUMPY.get(node.type, node.type), node.name, file),
        shape=tuple(size if isinstance(size, int) else None for size in node.shape),
    )
