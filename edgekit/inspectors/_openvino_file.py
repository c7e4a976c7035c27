"""What an OpenVINO file itself says: stored weights and multiply-accumulates, loops included."""

from __future__ import annotations

from math import isqrt, prod
from typing import Any

from edgekit.core.graph import einsum_macs

_FLOATS = ("f32", "f64", "f16", "bf16")
_NARROW = ("i8", "u8", "i4", "u4", "i2", "u2", "u1", "i16", "u16", "nf4", "f8e4m3", "f8e5m2")
_RECURRENT = ("LSTMSequence", "GRUSequence", "RNNSequence", "LSTMCell", "GRUCell", "RNNCell")
_LOOPS = ("Loop", "TensorIterator")


def count_parameters(model: Any) -> tuple[int, int]:
    """Number of stored weights and their bytes.

    A weight is an element of a Constant of rank 1 or more that is float or has 16 bits or less. The ranges of a
    FakeQuantize, and the scales and zero points that compressed weights are multiplied with, are left out; so are shapes,
    axes and scalars. Each Constant counts once.
    """
    elements = stored = 0
    for op in _all_ops(model):
        if op.get_type_name() != "Constant" or not op.shape or op.get_element_type().to_string() == "boolean":
            continue
        kind = op.get_element_type()
        counts = _word(kind) in _FLOATS or _word(kind) in _NARROW
        if counts and not all(_is_setting(op, port) for port in op.output(0).get_target_inputs()):
            elements += prod(op.shape)
            stored += (prod(op.shape) * kind.bitwidth + 7) // 8
    return elements, stored


def file_macs(model: Any) -> int:
    """Multiply-accumulates of one inference; the body of a loop counts as often as the loop runs.

    A loop without a fixed number of turns is taken to run as often as the smallest constant that its condition compares
    with, which is what a recurrent layer's loop looks like, and once when there is none.
    """
    total = 0
    for op in model.get_ops():
        if op.get_type_name() in _LOOPS:
            total += _turns(op) * file_macs(op.get_function())
        else:
            total += _op_macs(op)
    return total


def _op_macs(op: Any) -> int:
    kind = op.get_type_name()
    if kind in ("Convolution", "GroupConvolution"):  # weights [(groups,) out, in, ...]
        return prod(_shape(op.output(0))) * prod(_shape(op.input(1))[2 if kind.startswith("Group") else 1 :])
    if kind in ("ConvolutionBackpropData", "GroupConvolutionBackpropData"):  # weights [(groups,) in, out, ...]
        return prod(_shape(op.input(0))) * prod(_shape(op.input(1))[2 if kind.startswith("Group") else 1 :])
    if kind == "MatMul":
        first, second, out = _shape(op.input(0)), _shape(op.input(1)), _shape(op.output(0))
        if len(first) < 2 or len(second) < 2:
            return prod(out) * first[-1]
        return prod(out) * isqrt(prod(first[-2:]) * prod(second[-2:]) // prod(out[-2:]))
    if kind == "Einsum":
        return einsum_macs(op.get_attributes()["equation"], [_shape(port) for port in op.inputs()])
    if kind in _RECURRENT:  # ..., weights, recurrent weights, bias
        ports = op.inputs()
        return prod(_shape(ports[0])[:-1]) * (prod(_shape(ports[-3])) + prod(_shape(ports[-2])))
    if kind == "ScaledDotProductAttention":
        query, keys, out = _shape(op.input(0)), _shape(op.input(1)), _shape(op.output(0))
        return prod(out[:-1]) * keys[-2] * (query[-1] + out[-1])
    return 0


def _shape(port: Any) -> tuple[int, ...]:
    shape = port.get_partial_shape()
    # Inside the body of a loop shapes are not propagated again: a free axis there is the batch.
    return tuple(axis.get_length() if axis.is_static else 1 for axis in shape)


def _turns(loop: Any) -> int:
    fixed = loop.get_num_iterations()
    if fixed >= 0:
        return int(fixed)
    limits = [
        int(source.get_data().item())
        for op in loop.get_function().get_ops()
        if op.get_type_name() == "Less"
        for source in [op.input(1).get_source_output().get_node()]
        if source.get_type_name() == "Constant" and prod(source.shape) == 1
    ]
    return min(limits, default=1)


def _all_ops(model: Any) -> list[Any]:
    ops = list(model.get_ops())
    for op in model.get_ops():
        if op.get_type_name() in _LOOPS:
            ops += _all_ops(op.get_function())
    return ops


def _is_setting(constant: Any, port: Any) -> bool:
    """Whether a constant is read here as a quantization's range, scale or zero point."""
    node = port.get_node()
    kind = node.get_type_name()
    if kind == "FakeQuantize":
        return bool(port.get_index() > 0)
    if kind == "Convert" and constant.get_element_type().to_string() in _NARROW:
        return all(_subtracted(after) for after in node.output(0).get_target_inputs())
    if kind in ("Multiply", "Subtract"):
        return _decompresses(node.input(1 - port.get_index()).get_source_output().get_node())
    return False


def _subtracted(port: Any) -> bool:
    return bool(port.get_node().get_type_name() == "Subtract" and port.get_index() == 1)


def _decompresses(node: Any) -> bool:
    """Whether a node widens stored integers: Convert of a narrow Constant, perhaps with its zero point taken off."""
    if node.get_type_name() == "Subtract":
        node = node.input(0).get_source_output().get_node()
    if node.get_type_name() != "Convert":
        return False
    source = node.input(0).get_source_output().get_node()
    return source.get_type_name() == "Constant" and _word(source.get_element_type()) in _NARROW


def _word(kind: Any) -> str:
    """OpenVINO's short name of an element type: f32, i8, u4."""
    return str(kind.get_type_name())
