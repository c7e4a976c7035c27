"""The ONNX tracer: ONNX Runtime with every value of the graph made an output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import TracedTensor
from edgekit.core.target import ModelFormat
from edgekit.errors import InferenceError
from edgekit.lazy import require

_ERRORS_ONLY = 3
"""`log_severity_level`, onnxruntime_c_api.h: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal."""


class ONNXTracer:
    """Runs an .onnx file operator by operator as it is written, without the runtime's fusions."""

    name: ClassVar[str] = "onnx"
    format: ClassVar[ModelFormat] = ModelFormat.ONNX
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    extra: ClassVar[str] = "onnx"

    def trace(self, file: Path, samples: Iterable[Mapping[str, Any]]) -> Iterator[list[TracedTensor]]:
        """Every operator's outputs; what a QuantizeLinear writes is seen after its DequantizeLinear.

        Raises:
            InferenceError: ONNX Runtime refuses the model, or it is too large to be opened from memory (2 GB).
        """
        engine = require("onnxruntime", extra=self.extra)
        model, kinds = _opened_up(file)
        options = engine.SessionOptions()
        options.graph_optimization_level = engine.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = _ERRORS_ONLY
        try:
            session = engine.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            for sample in samples:
                values = session.run(list(kinds), dict(sample))
                yield [
                    TracedTensor(name, kind, value)
                    for (name, kind), value in zip(kinds.items(), values, strict=True)
                    if hasattr(value, "dtype")
                ]
        except Exception as problem:  # neither protobuf nor the runtime's binding has one base class for its errors
            words = str(problem).strip().splitlines() or [type(problem).__name__]
            raise InferenceError(
                f"ONNX Runtime could not run {file.name} tensor by tensor: {words[0][:300]}",
                fix="Check the file with `edgekit inspect`.",
            ) from problem


def _opened_up(file: Path) -> tuple[Any, dict[str, str]]:
    """The model with all values that depend on its inputs as outputs, and their names with their operators' types."""
    onnx = require("onnx", extra="onnx")
    model = onnx.load(str(file))
    graph = model.graph
    constant = {item.name for item in graph.initializer}
    outputs = {value.name for value in graph.output}
    kinds = {}
    for node in graph.node:
        if all(name in constant or not name for name in node.input) and not any(a.HasField("g") for a in node.attribute):
            constant.update(node.output)
            continue
        kinds.update({name: node.op_type for name in node.output if name})
    for name in kinds:
        if name not in outputs:
            graph.output.append(onnx.ValueInfoProto(name=name))
    return model, kinds
