"""TFLite files: a FlatBuffer, read with every offset checked against the file before native code may open it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import ModelFacts
from edgekit.core.target import ModelFormat, Precision
from edgekit.core.tensor import DType, Quantization, TensorSpec
from edgekit.errors import CorruptModelError, UnsupportedModelError
from edgekit.lazy import require

_IDENTIFIER = b"TFL3"
# TensorType of tensorflow/compiler/mlir/lite/schema/schema.fbs, those that a board's input or output can have.
_TYPES = {
    0: DType.FLOAT32,
    1: DType.FLOAT16,
    2: DType.INT32,
    3: DType.UINT8,
    4: DType.INT64,
    6: DType.BOOL,
    7: DType.INT16,
    9: DType.INT8,
    10: DType.FLOAT64,
}
_FLOAT16, _INT8 = 1, 9
_WEIGHTED = {3, 4, 9, 67, 126}
"""BuiltinOperator: CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, TRANSPOSE_CONV, BATCH_MATMUL."""


class TFLiteSource:
    """Reads a `.tflite` file."""

    name: ClassVar[str] = "tflite"
    format: ClassVar[ModelFormat] = ModelFormat.TFLITE
    suffixes: ClassVar[tuple[str, ...]] = (".tflite",)
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert",)
    extra: ClassVar[str] = "litert"

    def sniff(self, file: Path) -> bool:
        with file.open("rb") as stream:
            return stream.read(8)[4:8] == _IDENTIFIER

    def read(self, file: Path) -> ModelFacts:
        """Reads the main subgraph's inputs and outputs; names are those of the signature where there is one.

        Raises:
            CorruptModelError: An offset or an index points outside the file.
            UnsupportedModelError: An input or output has a type that has no place here (string, complex).
            MissingPackageError: LiteRT is not installed.
        """
        schema = require("ai_edge_litert.schema_py_generated", extra="litert")
        content = file.read_bytes()
        try:
            model = schema.Model.GetRootAs(content, 0)
            graph = model.Subgraphs(0)
            _check(model, len(content))
            inputs = [int(i) for i in graph.InputsAsNumpy()]
            outputs = [int(i) for i in graph.OutputsAsNumpy()]
            names = _signature_names(model)
            facts = ModelFacts(
                format=ModelFormat.TFLITE,
                files=(file.name,),
                inputs=tuple(_spec(graph.Tensors(i), names.get(i)) for i in inputs),
                outputs=tuple(_spec(graph.Tensors(i), names.get(i)) for i in outputs),
                precision=_precision(model, graph),
            )
        except UnsupportedModelError:
            raise
        except Exception as error:  # whatever a wild offset turns into: struct.error, TypeError, AttributeError, ...
            raise CorruptModelError(
                f"{file} is damaged: {error or type(error).__name__}.",
                fix="Copy or download the file again, or convert the model again.",
                cause="The file was cut off while it was copied, or changed on disk.",
            ) from error
        return facts


def _check(model: Any, size: int) -> None:
    """Follows every reference of the graph once.

    Raises:
        ValueError: One of them points outside the file or to something that is not there.
    """
    if not 0 < model.BuffersLength() <= size or not 0 < model.SubgraphsLength() <= size:
        raise ValueError("it has no buffers or no graph")
    for b in range(model.BuffersLength()):
        buffer = model.Buffers(b)
        if buffer.DataLength() and len(buffer.DataAsNumpy()) != buffer.DataLength():
            raise ValueError(f"the weights of buffer {b} reach beyond the end of the file")
        if buffer.Offset() > 1 and buffer.Offset() + buffer.Size() > size:
            raise ValueError(f"the weights of buffer {b} reach beyond the end of the file")
    for g in range(model.SubgraphsLength()):
        _check_graph(model, model.Subgraphs(g))


def _check_graph(model: Any, graph: Any) -> None:
    for t in range(graph.TensorsLength()):
        tensor = graph.Tensors(t)
        if tensor.Buffer() >= model.BuffersLength():
            raise ValueError(f"tensor {t} names buffer {tensor.Buffer()}, which does not exist")
        if tensor.ShapeLength() and (tensor.ShapeAsNumpy() < 0).any():
            raise ValueError(f"tensor {t} has a negative size")
    for o in range(graph.OperatorsLength()):
        operator = graph.Operators(o)
        if operator.OpcodeIndex() >= model.OperatorCodesLength():
            raise ValueError(f"operator {o} is of a kind that does not exist")
        used = [operator.Inputs(i) for i in range(operator.InputsLength())]
        used += [operator.Outputs(i) for i in range(operator.OutputsLength())]
        if any(not -1 <= index < graph.TensorsLength() for index in used):
            raise ValueError(f"operator {o} names a tensor that does not exist")
    ends = [*graph.InputsAsNumpy(), *graph.OutputsAsNumpy()]
    if any(not 0 <= index < graph.TensorsLength() for index in ends):
        raise ValueError("an input or output names a tensor that does not exist")


def _signature_names(model: Any) -> dict[int, str]:
    """Tensor index to the name a user gave it, from the first signature of the main subgraph."""
    for s in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(s)
        if signature.SubgraphIndex() == 0:
            entries = [signature.Inputs(i) for i in range(signature.InputsLength())]
            entries += [signature.Outputs(i) for i in range(signature.OutputsLength())]
            return {entry.TensorIndex(): entry.Name().decode() for entry in entries}
    return {}


def _spec(tensor: Any, name: str | None) -> TensorSpec:
    name = name or tensor.Name().decode()
    if tensor.Type() not in _TYPES:
        raise UnsupportedModelError(
            f"{name} is of TFLite type {tensor.Type()}.",
            fix=f"Move that step out of the model; inputs and outputs can be {', '.join(DType)}.",
        )
    sizes = tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else tensor.ShapeAsNumpy()
    rank = tensor.ShapeSignatureLength() or tensor.ShapeLength()
    shape = tuple(int(sizes[i]) if sizes[i] >= 0 else None for i in range(rank))
    return TensorSpec(name=name, dtype=_TYPES[tensor.Type()], shape=shape, quantization=_quantization(tensor))


def _quantization(tensor: Any) -> Quantization | None:
    parameters = tensor.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    count = parameters.ScaleLength()
    return Quantization(
        scale=tuple(float(parameters.Scale(i)) for i in range(count)),
        zero_point=tuple(int(parameters.ZeroPoint(i)) for i in range(parameters.ZeroPointLength())) or (0,) * count,
        axis=int(parameters.QuantizedDimension()) if count > 1 else None,
    )


def _precision(model: Any, graph: Any) -> Precision:
    """What the weighted operators compute in: integers, float on int8 weights, or float."""
    stored = {graph.Tensors(t).Type() for t in range(graph.TensorsLength()) if _is_constant(model, graph.Tensors(t))}
    for o in range(graph.OperatorsLength()):
        operator = graph.Operators(o)
        if _kind(model, operator) not in _WEIGHTED:
            continue
        if graph.Tensors(operator.Outputs(0)).Type() == _INT8:
            return Precision.INT8
    if _INT8 in stored:
        return Precision.INT8_DYNAMIC
    return Precision.FP16 if _FLOAT16 in stored else Precision.FP32


def _kind(model: Any, operator: Any) -> int:
    code = model.OperatorCodes(operator.OpcodeIndex())
    return int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))


def _is_constant(model: Any, tensor: Any) -> bool:
    buffer = model.Buffers(tensor.Buffer())
    return bool(buffer.DataLength() or buffer.Offset() > 1)
