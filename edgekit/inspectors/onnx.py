"""The ONNX inspector: lets ONNX Runtime optimize the model, runs it once, and reads which kernels it executed on what."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.graph import GraphSummary, OpSummary
from edgekit.core.target import ModelFormat
from edgekit.errors import CorruptModelError, DynamicShapeError, InferenceError, UnsupportedModelError
from edgekit.inspectors._onnx_kernels import Kernel, arithmetic, macs
from edgekit.inspectors._onnx_parameters import count_parameters
from edgekit.lazy import require


class ONNXInspector:
    """Reads an .onnx file, and the graph that ONNX Runtime makes of it on this machine's CPU.

    What runs in integers is decided when the runtime fuses the graph, not by the file: a QDQ pair that cannot be fused
    leaves its operator in float, and a float operator between quantized ones may be quantized after all. So the optimized
    graph is executed once on zeros, and the runtime's own profile says which kernel ran on which types and shapes; the
    body of a Loop counts as often as it ran.

    The blocked layout (NCHWc) of float convolutions is left out: it changes no arithmetic and pads channels. How
    parameters are counted is said in `count_parameters`.
    """

    name: ClassVar[str] = "onnx"
    format: ClassVar[ModelFormat] = ModelFormat.ONNX
    extra: ClassVar[str] = "onnx"

    def inspect(self, file: Path) -> GraphSummary:
        """The summary of an .onnx file, from the graph that ONNX Runtime executes.

        Raises:
            CorruptModelError: The file is damaged.
            DynamicShapeError: An input has an axis, other than the batch axis, that is not fixed.
            UnsupportedModelError: An input is not of a number type.
            InferenceError: ONNX Runtime refuses the model.
            MissingPackageError: onnx or onnxruntime is not installed.
        """
        onnx = require("onnx", extra=self.extra)
        model = _load(onnx, file)
        with tempfile.TemporaryDirectory(prefix="edgekit-inspect-") as scratch:
            optimized = _optimized(onnx, file, Path(scratch))
            nodes = list(_named(optimized.graph))
            kernels = _executed(optimized, [node for node, _ in nodes], Path(scratch), _zeros(onnx, model))
        top = {node.name: node for node, _ in nodes[: len(optimized.graph.node)]}
        return _summary(kernels, top, {node.name: given for node, given in nodes}, count_parameters(onnx, model.graph))


def _load(onnx: Any, file: Path) -> Any:
    file.stat()  # so that a missing file is an OSError and not damage
    try:
        model = onnx.load(str(file))
    except Exception as damage:  # protobuf raises classes of its own, external data ValueError and OSError
        words = str(damage).strip().splitlines() or ["it cannot be parsed"]
        raise _corrupt(file, words[0]) from damage
    if not model.graph.node:
        raise _corrupt(file, "it holds no operators")
    return model


def _corrupt(file: Path, why: str) -> CorruptModelError:
    return CorruptModelError(
        f"{file.name} is damaged: {why}.",
        fix="Copy or download the file again, with its .data file if it has one, or make it again from its source.",
    )


def _zeros(onnx: Any, model: Any) -> dict[str, Any]:
    """Zeros for every input, with a free batch axis of 1."""
    stored = {tensor.name for tensor in model.graph.initializer}
    feeds = {}
    for value in model.graph.input:
        if value.name in stored:
            continue
        kind = value.type.tensor_type
        if not kind.elem_type or kind.elem_type == onnx.TensorProto.STRING:
            raise UnsupportedModelError(
                f"The input {value.name} is not a tensor of numbers.", fix="Export the model without its text steps."
            )
        shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
        fixed = [1, *shape[1:]] if shape and shape[0] is None else shape
        if None in fixed:
            text = ", ".join("?" if size is None else str(size) for size in shape)
            raise DynamicShapeError(
                f"The input {value.name} has the shape [{text}], which is not fixed.",
                fix="Export it with a fixed shape, or fix it: python -m onnxruntime.tools.make_dynamic_shape_fixed.",
                cause="Multiply-accumulates depend on the input's size.",
            )
        feeds[value.name] = _array(onnx, fixed, kind.elem_type)
    return feeds


def _array(onnx: Any, shape: list[int | None], element: int) -> Any:
    import numpy as np

    return np.zeros(shape, onnx.helper.tensor_dtype_to_np_dtype(element))


def _session(model: bytes | str, options: Any, file: str) -> Any:
    ort = require("onnxruntime", extra=ONNXInspector.extra)
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], disabled_optimizers=["NchwcTransformer"]
        )
    except Exception as refusal:  # ONNX Runtime's exceptions share no base class but Exception
        raise _refused(file, refusal) from refusal


def _refused(file: str, refusal: Exception) -> InferenceError:
    words = str(refusal).strip().splitlines() or [type(refusal).__name__]
    return InferenceError(
        f"ONNX Runtime does not run {file}: {words[0][:300]}",
        fix="Check it with `python -m onnx.bin.check_model`, or export it for an opset that this ONNX Runtime knows.",
    )


def _optimized(onnx: Any, file: Path, scratch: Path) -> Any:
    """The graph after all of the runtime's optimizations."""
    ort = require("onnxruntime", extra=ONNXInspector.extra)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(scratch / "optimized.onnx")
    _session(str(file), options, file.name)
    return onnx.load(options.optimized_model_filepath)


def _named(graph: Any, prefix: str = "n") -> Iterator[tuple[Any, str]]:
    """Gives every node a name of its own, outer nodes first, and yields it with the name it had."""
    given = [node.name for node in graph.node]
    for index, node in enumerate(graph.node):
        node.name = f"{prefix}{index}"
        yield node, given[index] or f"#{index}"
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _named(attribute.g, f"{node.name}.{attribute.name}.")


def _executed(optimized: Any, nodes: list[Any], scratch: Path, feeds: Mapping[str, Any]) -> list[Kernel]:
    """Runs the graph once as it is, and returns what the runtime's profile says of each kernel call."""
    ort = require("onnxruntime", extra=ONNXInspector.extra)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling = True
    options.profile_file_prefix = str(scratch / "profile")
    # A weight that was packed at load time is missing from the profile's shapes.
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = _session(optimized.SerializeToString(), options, "the optimized model")
    try:
        session.run(None, dict(feeds))
    except Exception as refusal:
        raise _refused("the model on zeros", refusal) from refusal
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    known = {node.name: node for node in nodes}
    kernels = []
    for event in events:
        name, _, rest = event["name"].rpartition("_kernel_time")
        if event.get("cat") == "Node" and not rest and name in known:
            kernels.append(Kernel.read(known[name], event["args"]))
    return kernels


def _summary(
    kernels: list[Kernel], top: Mapping[str, Any], given: Mapping[str, str], parameters: tuple[int, int]
) -> GraphSummary:
    calls: dict[str, list[Kernel]] = {}
    for kernel in kernels:
        calls.setdefault(kernel.node.name, []).append(kernel)
    order = {name: index for index, name in enumerate(calls)}
    maker = {output: node for node in top.values() for output in node.output}
    dynamic = {o for o, node in maker.items() if node.op_type == "DynamicQuantizeLinear"}
    ops, producers = [], []
    for name, runs in calls.items():
        node = runs[0].node
        total = sum(macs(run) for run in runs)
        ops.append(OpSummary(given[name], node.op_type, total, arithmetic(runs[0], dynamic)))
        inputs = [maker[i].name for i in node.input if i in maker] if name in top else []
        producers.append({order[made] for made in inputs if made in order})
    moved = [kernel for kernel in kernels if kernel.node.op_type == "Transpose"]
    return GraphSummary.of(
        ops,
        producers,
        parameters=parameters,
        transposes=(len({kernel.node.name for kernel in moved}), sum(kernel.output_bytes for kernel in moved)),
        evidence="runtime",
    )
