"""Integer inputs and outputs for a quantized ONNX graph, and a list of what in it stayed in float."""

from __future__ import annotations

from typing import Any

from edgekit.core.tensor import DType, Quantization, TensorSpec
from edgekit.errors import ConversionError
from edgekit.lazy import require

_MOVES = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
"""Operators that move numbers without changing them: they run on integers as well as on floats."""
_BORDERS = {"QuantizeLinear", "DequantizeLinear"}


def integer_ends(model: Any) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Removes the QuantizeLinear at each input and the DequantizeLinear at each output of `model`, in place.

    Returns:
        The inputs and outputs as they are now, with their scales.

    Raises:
        ConversionError: The operator at an input or output stayed in float, so there is no scale to give it.
    """
    graph = model.graph
    specs = (
        tuple(_integer_input(graph, value) for value in graph.input),
        tuple(_integer_output(graph, v) for v in graph.output),
    )
    kept = {value.name for value in (*graph.input, *graph.output)}
    # Types of the tensors between the ends and the removed nodes changed; a stale note would contradict them.
    stale = [value for value in graph.value_info if value.name in kept or value.type.tensor_type.elem_type == 1]
    for value in stale:
        graph.value_info.remove(value)
    return specs


def float_operators(graph: Any) -> list[str]:
    """The kinds of operators that read or write float tensors other than those beside their (de)quantizers."""
    makers = {output: node for node in graph.node for output in node.output}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    left = set()
    for node in graph.node:
        if node.op_type in _BORDERS | _MOVES:
            continue
        reads = any(name in makers and makers[name].op_type not in _BORDERS for name in node.input)
        writes = any(user.op_type not in _BORDERS for name in node.output for user in users.get(name, []))
        if reads or writes or not any(name in makers for name in node.input):
            left.add(node.op_type)
    return sorted(left)


def _integer_input(graph: Any, value: Any) -> TensorSpec:
    name = value.name
    while (users := [node for node in graph.node if name in node.input]) and all(u.op_type in _MOVES for u in users):
        if len(users) != 1:
            break
        name = users[0].output[0]
    quantizers = [node for node in users if node.op_type == "QuantizeLinear"]
    if not users or len(quantizers) != len(users) or len({tuple(node.input[1:]) for node in quantizers}) != 1:
        raise _no_scale(value.name)
    for quantizer in quantizers:
        for node in graph.node:
            node.input[:] = [name if i == quantizer.output[0] else i for i in node.input]
        graph.node.remove(quantizer)
    return _typed(graph, value, quantizers[0])


def _integer_output(graph: Any, value: Any) -> TensorSpec:
    maker = _maker(graph, value.name)
    moves = []
    while maker is not None and maker.op_type in _MOVES:
        moves.append(maker)
        maker = _maker(graph, maker.input[0])
    if maker is None or maker.op_type != "DequantizeLinear":
        raise _no_scale(value.name)
    source, real = maker.input[0], maker.output[0]
    only_end = [node for node in graph.node if real in node.input] == moves[-1:]
    if not only_end or _maker(graph, source) is None:
        raise _no_scale(value.name)
    graph.node.remove(maker)
    if moves:
        moves[-1].input[0] = source
    else:
        for node in graph.node:
            node.output[:] = [value.name if o == source else o for o in node.output]
            node.input[:] = [value.name if i == source else i for i in node.input]
    return _typed(graph, value, maker)


def _maker(graph: Any, name: str) -> Any:
    return next((node for node in graph.node if name in node.output), None)


def _typed(graph: Any, value: Any, border: Any) -> TensorSpec:
    numpy_helper = require("onnx.numpy_helper", extra="onnx")
    constants = {item.name: item for item in graph.initializer}
    scale = numpy_helper.to_array(constants[border.input[1]]).reshape(-1)
    zero = constants[border.input[2]]
    value.type.tensor_type.elem_type = zero.data_type
    points = numpy_helper.to_array(zero)
    return TensorSpec(
        name=value.name,
        dtype=DType(points.dtype.name),
        shape=tuple(dim.dim_value or None for dim in value.type.tensor_type.shape.dim),
        quantization=Quantization(tuple(float(v) for v in scale), tuple(int(v) for v in points.reshape(-1))),
    )


def _no_scale(name: str) -> ConversionError:
    return ConversionError(
        f"{name} cannot become an integer: the operator beside it stayed in float.",
        fix="Leave inputs and outputs in float (--io float).",
    )
