"""Counting the weights stored in an ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

# Inputs that hold scales, zero points and settings, by operator (onnx Operators.md, onnxruntime ContribOperators.md).
_SETTINGS = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
}
_NARROW = ("INT8", "UINT8", "INT4", "UINT4", "INT2", "UINT2", "INT16", "UINT16", "FLOAT8E4M3FN", "FLOAT8E5M2")
_FLOATS = ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")
_QUANTIZED_BIAS = {"DequantizeLinear": 0, "QLinearConv": 8, "QGemm": 6}


def count_parameters(onnx: Any, graph: Any) -> tuple[int, int]:
    """Number of stored weights and their bytes in the file.

    A weight is an element of a constant (an initializer or a Constant node) of rank 1 or more that is float or has 16 bits
    or less; 32-bit integers count where they are a quantized bias. Scales, zero points, shapes, axes and scalars are left
    out. Each constant counts once, however many operators read it.
    """
    constants, settings, biases = dict(_constants(graph)), set[str](), set[str]()
    for node in _nodes(graph):
        settings.update(node.input[i] for i in _SETTINGS.get(node.op_type, ()) if i < len(node.input))
        bias = _QUANTIZED_BIAS.get(node.op_type, len(node.input))
        biases.update(node.input[bias : bias + 1])
        if node.op_type == "Mul":  # a dynamic scale times the weight's scale
            settings.update(node.input if _rescales(graph, node) else ())
    elements = stored = 0
    for name, tensor in constants.items():
        kind = onnx.TensorProto.DataType.Name(tensor.data_type)
        counts = kind in _FLOATS or kind in _NARROW or (kind == "INT32" and name in biases)
        if tensor.dims and counts and name not in settings:
            elements += prod(tensor.dims)
            stored += (prod(tensor.dims) * _bits(kind) + 7) // 8
    return elements, stored


def _rescales(graph: Any, node: Any) -> bool:
    scales = {other.output[1] for other in graph.node if other.op_type == "DynamicQuantizeLinear"}
    return any(name in scales for name in node.input)


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _constants(graph: Any) -> Iterator[tuple[str, Any]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                yield node.output[0], attribute.t
            if attribute.HasField("g"):
                yield from _constants(attribute.g)


def _bits(kind: str) -> int:
    named = {"FLOAT": 32, "DOUBLE": 64, "BFLOAT16": 16, "FLOAT8E4M3FN": 8, "FLOAT8E5M2": 8}
    return named.get(kind) or int("".join(c for c in kind if c.isdigit()))
