"""The TFLite inspector: reads the flatbuffer itself, without TensorFlow and without running the model."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from math import isqrt, prod
from pathlib import Path
from typing import ClassVar

from edgekit.core.graph import GraphSummary, OpSummary
from edgekit.core.target import ModelFormat
from edgekit.errors import CorruptModelError, WrongFormatError
from edgekit.inspectors._tflite_file import Graph, Node, Tensor, read_graphs
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


class TFLiteInspector:
    """Reads a .tflite file: subgraph 0, and after it the bodies of its loops.

    Shapes are the ones stored in the file, which are those an interpreter runs until somebody resizes an input. Branches of
    an IF are not counted.

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
            return _summary(read_graphs(schema, data))
        except _DAMAGE as damage:
            raise CorruptModelError(
                f"{file.name} is damaged: {damage}.",
                fix="Copy or download the file again, or make it again from its source.",
            ) from damage


def _summary(graphs: list[Graph]) -> GraphSummary:
    main = graphs[0]
    maker = {output: index for index, node in enumerate(main.nodes) for output in node.outputs}
    ops = [_op(node, index, main, 1) for index, node in enumerate(main.nodes)]
    inner = [
        _op(node, index, body, turns)
        for loop in main.nodes
        for body, turns in _loops(loop, graphs)
        for index, node in enumerate(body.nodes)
    ]
    moved = [
        main.tensors[node.outputs[0]]
        for node in main.nodes
        if node.kind == "TRANSPOSE" and not main.tensors[node.inputs[0]].constant
    ]
    return GraphSummary.of(
        ops + inner,
        [{maker[i] for i in node.inputs if i in maker} for node in main.nodes] + [set()] * len(inner),
        parameters=_parameters([tensor for graph in graphs for tensor in graph.tensors]),
        transposes=(len(moved), sum(tensor.elements * _width(tensor.kind) for tensor in moved)),
        evidence="file",
    )


def _op(node: Node, index: int, graph: Graph, turns: int) -> OpSummary:
    name = graph.tensors[node.outputs[0]].name if node.outputs else ""
    return OpSummary(name or f"#{index}", node.kind, turns * _macs(node, graph.tensors), _arithmetic(node, graph.tensors))


def _loops(node: Node, graphs: list[Graph], depth: int = 3) -> Iterable[tuple[Graph, int]]:
    """The bodies that a WHILE runs, nested ones too, each with how often it runs.

    A loop is taken to run as often as the smallest constant that its condition compares with, which is what a recurrent
    layer's loop looks like, and once when there is none.
    """
    if node.kind != "WHILE" or node.loop is None or not depth:
        return
    condition, body = (graphs[index] for index in node.loop)
    limits = [condition.tensors[less.inputs[1]].scalar for less in condition.nodes if less.kind == "LESS"]
    turns = min((limit for limit in limits if limit is not None), default=1)
    yield body, turns
    for inner in body.nodes:
        yield from ((graph, turns * more) for graph, more in _loops(inner, graphs, depth - 1))


def _present(indices: Iterable[int], tensors: list[Tensor]) -> list[Tensor]:
    return [tensors[index] for index in indices if index >= 0]


def _macs(node: Node, tensors: list[Tensor]) -> int:
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


def _arithmetic(node: Node, tensors: list[Tensor]) -> str:
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
        hybrid = node.kind in _MATRIX and any(tensor.kind in _INTEGERS for tensor in read)
        return "hybrid" if hybrid else _float_word(floats)
    return "int" if any(kind in _INTEGERS for kind in data) else "none"


def _float_word(kinds: list[str]) -> str:
    if all(kind == "FLOAT16" for kind in kinds):
        return "float16"
    return "bfloat16" if all(kind == "BFLOAT16" for kind in kinds) else "float"


def _parameters(tensors: list[Tensor]) -> tuple[int, int]:
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
