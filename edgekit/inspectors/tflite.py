"""The TFLite inspector: reads the flatbuffer itself, without TensorFlow and without running the model."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt, prod
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.graph import GraphSummary, OpSummary
from edgekit.core.target import ModelFormat
from edgekit.errors import CorruptModelError, WrongFormatError
from edgekit.lazy import require

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT", "CAST")
_INTEGERS = ("INT2", "INT4", "UINT4", "INT8", "UINT8", "INT16", "UINT16")
_FLOATS = ("FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16")
# A recurrent operator multiplies each of its weight matrices once with one vector in every time step; its biases,
# peepholes and normalizations are vectors (tensorflow/lite/kernels/lstm_eval.cc, svdf.cc).
_RECURRENT = (
    "LSTM",
    "RNN",
    "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
)
_MATRIX = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D", *_RECURRENT)
_DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, KeyError, ArithmeticError)
"""What flatbuffers raises when an offset leads nowhere."""


@dataclass(frozen=True)
class _Tensor:
    name: str
    kind: str
    shape: tuple[int, ...]
    buffer: int
    stored_bytes: int
    scaled: bool

    @property
    def constant(self) -> bool:
        return self.stored_bytes > 0

    @property
    def elements(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class _Node:
    kind: str
    inputs: tuple[int, ...]
    """Indices of tensors; -1 for an optional input that is left out."""
    outputs: tuple[int, ...]


class TFLiteInspector:
    """Reads subgraph 0 of a .tflite file.

    Shapes are the ones stored in the file, which are those an interpreter runs until somebody resizes an input. The body
    of a WHILE or IF is another subgraph and is not counted.

    A parameter is an element of a constant tensor of rank 1 or more that is float or has a quantization scale; axes,
    shapes, paddings and scalars are left out, and a buffer shared by several tensors counts once.
    """

    name: ClassVar[str] = "tflite"
    format: ClassVar[ModelFormat] = ModelFormat.TFLITE
    extra: ClassVar[str] = "litert"

    def inspect(self, file: Path) -> GraphSummary:
        """The summary of a .tflite file, from the types and shapes in the file.

        Raises:
            WrongFormatError: The file is not a TFLite flatbuffer.
            CorruptModelError: It is damaged.
            MissingPackageError: ai-edge-litert is not installed.
        """
        schema = require("ai_edge_litert.schema_py_generated", extra=self.extra)
        data = file.read_bytes()
        if data[4:8] != b"TFL3":
            raise WrongFormatError(
                f"{file.name} is not a TFLite model: its identifier is {data[4:8]!r} where TFL3 should be.",
                fix="Give a .tflite file, or a file whose name says what it is.",
            )
        try:
            return _summary(*_read(schema, data))
        except _DAMAGE as damage:
            raise CorruptModelError(
                f"{file.name} is damaged: {damage}.",
                fix="Copy or download the file again, or make it again from its source.",
            ) from damage


def _read(schema: Any, data: bytes) -> tuple[list[_Tensor], list[_Node]]:
    model = schema.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    kinds = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    builtins = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    tensors = [_tensor(model, graph.Tensors(i), kinds, len(data)) for i in range(graph.TensorsLength())]
    nodes = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        # Files older than schema 3a keep the code in the deprecated byte (tensorflow/lite/schema/schema_utils.cc).
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        inputs = tuple(operator.Inputs(i) for i in range(operator.InputsLength()))
        outputs = tuple(operator.Outputs(i) for i in range(operator.OutputsLength()))
        nodes.append(_Node(builtins.get(number, f"BUILTIN_{number}"), inputs, outputs))
    if any(index >= len(tensors) for node in nodes for index in (*node.inputs, *node.outputs)):
        raise IndexError("an operator names a tensor that is not there")
    return tensors, nodes


def _tensor(model: Any, tensor: Any, kinds: dict[int, str], file_bytes: int) -> _Tensor:
    buffer = model.Buffers(tensor.Buffer())
    stored = buffer.DataLength() or buffer.Size()
    if stored > file_bytes:
        raise IndexError("a weight is larger than the file")
    quantization = tensor.Quantization()
    return _Tensor(
        name=(tensor.Name() or b"").decode(errors="replace").partition(";")[0],
        kind=kinds[tensor.Type()],
        shape=tuple(tensor.Shape(i) for i in range(tensor.ShapeLength())),
        buffer=tensor.Buffer(),
        stored_bytes=stored,
        scaled=quantization is not None and quantization.ScaleLength() > 0,
    )


def _summary(tensors: list[_Tensor], nodes: list[_Node]) -> GraphSummary:
    made_by = {output: index for index, node in enumerate(nodes) for output in node.outputs}
    ops = []
    for index, node in enumerate(nodes):
        name = tensors[node.outputs[0]].name if node.outputs else ""
        ops.append(OpSummary(name or f"#{index}", node.kind, _macs(node, tensors), _arithmetic(node, tensors)))
    moved = [
        tensors[node.outputs[0]]
        for node in nodes
        if node.kind == "TRANSPOSE" and node.inputs and not tensors[node.inputs[0]].constant
    ]
    return GraphSummary.of(
        ops,
        [{made_by[i] for i in node.inputs if i in made_by} for node in nodes],
        parameters=_parameters(tensors),
        transposes=(len(moved), sum(tensor.elements * _width(tensor.kind) for tensor in moved)),
        evidence="file",
    )


def _present(indices: Iterable[int], tensors: list[_Tensor]) -> list[_Tensor]:
    return [tensors[index] for index in indices if index >= 0]


def _macs(node: _Node, tensors: list[_Tensor]) -> int:
    if node.kind not in _MATRIX:
        return 0
    out = tensors[node.outputs[0]].elements
    first, second = tensors[node.inputs[0]], tensors[node.inputs[1]]
    if node.kind == "CONV_2D":  # weights [out, h, w, in / groups]
        return out * prod(second.shape[1:])
    if node.kind == "DEPTHWISE_CONV_2D":  # weights [1, h, w, out]
        return out * prod(second.shape[1:3])
    if node.kind == "CONV_3D":  # weights [d, h, w, in / groups, out]
        return out * prod(second.shape[:4])
    if node.kind == "TRANSPOSE_CONV":  # output shape, weights [out, h, w, in], input
        return tensors[node.inputs[2]].elements * prod(second.shape[:3])
    if node.kind == "FULLY_CONNECTED":  # weights [out, in]
        return out * second.shape[-1]
    if node.kind == "BATCH_MATMUL":
        # Either side may be transposed: |a| |b| / |out| is inner length squared, once for each matrix of the batch.
        rows_columns = prod(tensors[node.outputs[0]].shape[-2:])
        return out * isqrt(prod(first.shape[-2:]) * prod(second.shape[-2:]) // rows_columns)
    matrices = [tensor for tensor in _present(node.inputs[1:], tensors) if tensor.constant and len(tensor.shape) == 2]
    return first.elements // first.shape[-1] * sum(tensor.elements for tensor in matrices)


def _arithmetic(node: _Node, tensors: list[_Tensor]) -> str:
    """What an operator computes in, by the types of the tensors it reads and writes.

    The kernels choose by the same types: float activations with stored integer weights take the hybrid path, which
    quantizes activations at run time; weights that come through a DEQUANTIZE are float by the time they are read.
    """
    if node.kind in _CONVERSIONS:
        return "none"
    read = _present(node.inputs, tensors)
    data = [tensor.kind for tensor in (*read, *_present(node.outputs, tensors)) if not tensor.constant]
    floats = [kind for kind in data if kind in _FLOATS]
    if floats:
        hybrid = node.kind in _MATRIX and any(tensor.constant and tensor.kind in _INTEGERS for tensor in read)
        return "hybrid" if hybrid else _float_word(floats)
    return "int" if any(kind in _INTEGERS for kind in data) else "none"


def _float_word(kinds: list[str]) -> str:
    if all(kind == "FLOAT16" for kind in kinds):
        return "float16"
    return "bfloat16" if all(kind == "BFLOAT16" for kind in kinds) else "float"


def _parameters(tensors: list[_Tensor]) -> tuple[int, int]:
    weights = {
        tensor.buffer: tensor
        for tensor in tensors
        if tensor.constant and tensor.shape and (tensor.kind in _FLOATS or tensor.scaled)
    }
    return sum(tensor.elements for tensor in weights.values()), sum(tensor.stored_bytes for tensor in weights.values())


def _width(kind: str) -> int:
    """Bytes of one element; types below a byte are unpacked to one by the kernels that move them."""
    digits = "".join(c for c in kind if c.isdigit())
    return max(1, int(digits or 8) // 8)
