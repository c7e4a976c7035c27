"""ONNX files: a protobuf, with its external weight files where it has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import ModelFacts
from edgekit.core.target import ModelFormat, Precision
from edgekit.core.tensor import DType, Quantization, TensorSpec
from edgekit.errors import CorruptModelError, MissingFileError, UnsupportedModelError
from edgekit.lazy import require

# First bytes of a ModelProto (onnx.proto): a key of ir_version, producer_name, graph or opset_import, by protobuf's
# encoding (field number << 3 | wire type); writers put ir_version first, but the order is free.
_FIRST_KEYS = {0x08, 0x12, 0x3A, 0x42}
_DYNAMIC_OPS = {"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"}
_MOVES = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
"""Operators that move numbers without changing them, so that a scale holds on both sides."""
_STATIC_OPS = {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul"}


class ONNXSource:
    """Reads a `.onnx` file."""

    name: ClassVar[str] = "onnx"
    format: ClassVar[ModelFormat] = ModelFormat.ONNX
    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)
    packages: ClassVar[tuple[str, ...]] = ("onnx",)
    extra: ClassVar[str] = "onnx"

    def sniff(self, file: Path) -> bool:
        """Whether the file may be ONNX; protobuf has no magic number, so the name counts as well."""
        with file.open("rb") as stream:
            first = stream.read(1)
        return file.suffix in self.suffixes and bool(first) and first[0] in _FIRST_KEYS

    def read(self, file: Path) -> ModelFacts:
        """Checks the file against the ONNX standard and reads its inputs and outputs.

        Raises:
            CorruptModelError: It is no valid ONNX.
            MissingFileError: A weight file that belongs to it is not there.
            UnsupportedModelError: An input or output is no tensor, or of a type that has no place here.
            MissingPackageError: onnx is not installed.
        """
        onnx = require("onnx", extra="onnx")
        try:
            model = onnx.load(str(file), load_external_data=False)
        except Exception as error:  # protobuf's DecodeError; its module depends on the implementation in use
            raise _corrupt(file, error) from error
        weights = _weight_files(file, model)
        try:
            onnx.checker.check_model(str(file))
        except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
            raise _corrupt(file, error) from error
        graph = model.graph
        stored = {item.name for item in graph.initializer}
        return ModelFacts(
            format=ModelFormat.ONNX,
            files=(file.name, *weights),
            inputs=tuple(_spec(onnx, value, graph) for value in graph.input if value.name not in stored),
            outputs=tuple(_spec(onnx, value, graph) for value in graph.output),
            precision=_precision(onnx, graph),
        )


def _corrupt(file: Path, error: Exception) -> CorruptModelError:
    return CorruptModelError(
        f"{file} is no valid ONNX model: {' '.join(str(error).split())[:200]}",
        fix="Copy or download the file again, or export the model again.",
        cause="The file was cut off while it was copied, or changed on disk.",
    )


def _weight_files(file: Path, model: Any) -> tuple[str, ...]:
    places = {entry.value for item in model.graph.initializer for entry in item.external_data if entry.key == "location"}
    for place in sorted(places):
        if Path(place).name != place:
            raise UnsupportedModelError(
                f"{file} keeps weights in {place}, outside its own folder.",
                fix="Load it with onnx.load and save it again with onnx.save, which puts the weights into the file.",
            )
        if not (file.parent / place).is_file():
            raise MissingFileError(f"{file} keeps weights in {place}, which is not beside it.", fix=f"Copy {place} there.")
    return tuple(sorted(places))


def _spec(onnx: Any, value: Any, graph: Any) -> TensorSpec:
    if not value.type.HasField("tensor_type"):
        raise UnsupportedModelError(
            f"{value.name} is no tensor but a sequence, map or optional value.",
            fix="Cut that step off the graph (classifiers exported from scikit-learn: option zipmap=False).",
        )
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name if tensor.elem_type else "undefined"
    if dtype not in set(DType):
        raise UnsupportedModelError(
            f"{value.name} is of type {dtype}.",
            fix=f"Move that step out of the model; inputs and outputs can be {', '.join(DType)}.",
        )
    shape = tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim)
    spec = TensorSpec(name=value.name, dtype=DType(dtype), shape=shape)
    return (
        TensorSpec(spec.name, spec.dtype, shape, _quantization(onnx, value.name, graph)) if spec.dtype.is_integer else spec
    )


def _quantization(onnx: Any, name: str, graph: Any) -> Quantization | None:
    """The scale of an integer input or output, from the DequantizeLinear it enters or the QuantizeLinear that makes it."""
    makers = {output: node for node in graph.node for output in node.output}
    users = {node.input[0]: node for node in reversed(graph.node) if node.input}
    node, kind = (makers[name], "QuantizeLinear") if name in makers else (users.get(name), "DequantizeLinear")
    while node is not None and node.op_type in _MOVES:
        node = users.get(node.output[0]) if kind == "DequantizeLinear" else makers.get(node.input[0])
    if node is None or node.op_type != kind or len(node.input) < 3:
        return None
    constants = {item.name: item for item in graph.initializer}
    if not {node.input[1], node.input[2]} <= constants.keys():
        return None
    scale, zero = (onnx.numpy_helper.to_array(constants[i]).reshape(-1) for i in node.input[1:3])
    return Quantization(tuple(float(v) for v in scale), tuple(int(v) for v in zero))


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _precision(onnx: Any, graph: Any) -> Precision:
    kinds = {node.op_type for node in _nodes(graph)}
    if kinds & _DYNAMIC_OPS:
        return Precision.INT8_DYNAMIC
    if kinds & _STATIC_OPS:
        return Precision.INT8
    stored = {item.data_type for item in graph.initializer}
    return Precision.FP16 if onnx.TensorProto.FLOAT16 in stored else Precision.FP32
