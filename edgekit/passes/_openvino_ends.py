"""Integer inputs and outputs for a quantized OpenVINO model: the (de)quantization at its borders becomes the caller's."""

from __future__ import annotations

from typing import Any

from edgekit.core.tensor import DType, Quantization, TensorSpec
from edgekit.errors import ConversionError
from edgekit.lazy import require

_MOVES = {"Transpose", "Reshape", "Squeeze", "Unsqueeze"}
"""Operators that move numbers without changing them."""
_STEPS = 255


def range_to_scale(low: float, high: float) -> Quantization:
    """The uint8 scale that covers low..high and holds zero exactly (Jacob et al. 2018, arXiv:1712.05877, section 3)."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / _STEPS or 1.0
    return Quantization((scale,), (round(-low / scale),))


def input_range(model: Any) -> tuple[float, float]:
    """The range of the FakeQuantize that the model's only input runs into.

    Raises:
        ConversionError: There is none; the operator at the input stayed in float.
    """
    port = model.inputs[0]
    while True:
        users = [target.get_node() for target in port.get_target_inputs()]
        quantizers = [node for node in users if node.get_type_name() == "FakeQuantize"]
        if quantizers:
            low, high = (float(quantizers[0].input_value(i).get_node().data.reshape(-1)[0]) for i in (1, 2))
            return low, high
        if len(users) != 1 or users[0].get_type_name() not in _MOVES:
            raise ConversionError(
                f"{model.inputs[0].get_any_name()} cannot become an integer: the operator beside it stayed in float.",
                fix="Leave inputs and outputs in float (--io float).",
            )
        port = users[0].output(0)


def output_ranges(model: Any, samples: Any) -> list[tuple[float, float]]:
    """The smallest and largest value of each output over `samples`, one sample in memory at a time."""
    openvino = require("openvino", extra="openvino")
    request = openvino.Core().compile_model(model, "CPU").create_infer_request()
    ranges: list[tuple[float, float]] = []
    for sample in samples:
        request.infer([sample])
        seen = [request.get_output_tensor(i).data for i in range(len(model.outputs))]
        now = [(float(values.min()), float(values.max())) for values in seen]
        ranges = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(ranges or now, now, strict=True)]
    return ranges


def integer_input(openvino: Any, model: Any, quantization: Quantization) -> TensorSpec:
    """Replaces the float input by uint8 -> Convert -> Subtract zero point -> Multiply scale."""
    ops = openvino.opset13
    old = model.get_parameters()[0]
    name = model.inputs[0].get_any_name()
    shape = [int(size) for size in old.get_output_shape(0)]
    new = ops.parameter(shape, dtype=openvino.Type.u8, name=old.get_friendly_name())
    real = ops.convert(new, "f32")
    real = ops.subtract(real, _constant(ops, quantization.zero_point[0]))
    real = ops.multiply(real, _constant(ops, quantization.scale[0]))
    for target in list(old.output(0).get_target_inputs()):
        target.replace_source_output(real.output(0))
    old.output(0).get_tensor().set_names(set())
    new.output(0).get_tensor().set_names({name})
    model.remove_parameter(old)
    model.add_parameters([new])
    return TensorSpec(name, DType.UINT8, tuple(shape), quantization)


def integer_outputs(openvino: Any, model: Any, scales: list[Quantization]) -> tuple[TensorSpec, ...]:
    """Puts Divide scale -> Round -> Add zero point -> Clamp -> uint8 before each result."""
    ops = openvino.opset13
    specs = []
    for result, scale in zip(list(model.get_results()), scales, strict=True):
        source = result.input_value(0)
        names = set(source.get_names())
        steps = ops.round(ops.divide(source, _constant(ops, scale.scale[0])), "half_to_even")
        stored = ops.convert(ops.clamp(ops.add(steps, _constant(ops, scale.zero_point[0])), 0.0, float(_STEPS)), "u8")
        source.get_tensor().set_names(set())
        stored.output(0).get_tensor().set_names(names)
        result.input(0).replace_source_output(stored.output(0))
        shape = tuple(int(size) for size in stored.get_output_shape(0))
        specs.append(TensorSpec(sorted(names)[0] if names else result.get_friendly_name(), DType.UINT8, shape, scale))
    model.validate_nodes_and_infer_types()
    return tuple(specs)


def _constant(ops: Any, value: float) -> Any:
    import numpy as np

    return ops.constant(np.float32(value))
