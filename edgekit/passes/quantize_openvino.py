"""OpenVINO at fp16 and int8: compressed weights, or post-training quantization by NNCF."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from edgekit.core.names import counted_anew
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat, Precision
from edgekit.core.tensor import DType, TensorSpec
from edgekit.errors import ConversionError, UnsupportedModelError
from edgekit.lazy import require
from edgekit.passes._calibration import Calibration, integer_io
from edgekit.passes._openvino_ends import input_range, integer_input, integer_outputs, output_ranges, range_to_scale

_FILE = "model.xml"


class QuantizeOpenVINO:
    """OpenVINO fp32 -> fp16, int8.

    int8 is NNCF's default: preset `performance` (symmetric weights per output channel, symmetric or unsigned activations)
    with fast bias correction. Of four settings measured it ran fastest, and none was more accurate beyond noise.
    """

    name: ClassVar[str] = "quantize_openvino"
    format: ClassVar[ModelFormat] = ModelFormat.OPENVINO
    precisions: ClassVar[tuple[Precision, ...]] = (Precision.FP16, Precision.INT8)
    needs_calibration: ClassVar[tuple[Precision, ...]] = (Precision.INT8,)
    engine: ClassVar[str] = "openvino"
    packages: ClassVar[tuple[str, ...]] = ("openvino", "nncf")
    extra: ClassVar[str] = "openvino"
    gaps: ClassVar[dict[str, str]] = {"several_inputs_int8": "notyet: calibration data feeds one input"}

    def apply(self, work: Work, precision: Precision, emit: Emit) -> Made:
        """Writes `model.xml` and `model.bin` at `precision`.

        Raises:
            ConversionError: NNCF refuses the graph, or it cannot have the integer inputs that were asked for.
            DataError: The calibration data does not fit the model.
            DynamicShapeError: The input has a dimension that nobody fixed.
            UnsupportedModelError: Static int8 of a model with several inputs or without a float one.
        """
        openvino = require("openvino", extra="openvino")
        model = openvino.Core().read_model(work.file)
        if precision is Precision.FP16:
            emit({"step": 1, "steps": 1, "text": "store weights as float16"})
            openvino.save_model(model, work.out / _FILE, compress_to_fp16=True)
            return Made(file=_FILE)
        integer = integer_io(work)
        calibration = Calibration(work, emit)
        if not work.inputs[0].is_static:
            model.reshape(list(calibration.input.shape))
        ranges = output_ranges(model, calibration) if integer else []
        quantized = _quantize(model, calibration)
        inputs: tuple[TensorSpec, ...] | None = None
        outputs: tuple[TensorSpec, ...] | None = None
        if integer:
            _check_outputs(work)
            inputs = (integer_input(openvino, quantized, range_to_scale(*input_range(quantized))),)
            outputs = integer_outputs(openvino, quantized, [range_to_scale(low, high) for low, high in ranges])
        operators = quantized.get_ordered_ops()
        for operator, name in zip(operators, counted_anew([each.get_friendly_name() for each in operators]), strict=True):
            operator.set_friendly_name(name)
        openvino.save_model(quantized, work.out / _FILE, compress_to_fp16=False)
        return Made(file=_FILE, notes=_notes(quantized), inputs=inputs, outputs=outputs)


def _quantize(model: Any, calibration: Calibration) -> Any:
    # NNCF reports its use to the network unless this variable is set before it is imported.
    os.environ.setdefault("NNCF_CI", "1")
    nncf = require("nncf", extra="openvino")
    try:
        return nncf.quantize(
            model,
            nncf.Dataset(calibration),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(calibration),
            fast_bias_correction=True,
        )
    except Exception as error:  # NNCF raises its own classes, RuntimeError, ValueError and more
        raise ConversionError(
            f"NNCF refused the model: {' '.join(str(error).split())[:300] or type(error).__name__}",
            fix="Try onnx-int8 or tflite-int8, or openvino-fp16.",
        ) from error


def _check_outputs(work: Work) -> None:
    """Integer ends only for outputs that are real numbers: a class index has no scale."""
    for spec in work.outputs:
        if spec.dtype is not DType.FLOAT32:
            raise UnsupportedModelError(
                f"Output {spec} is no float32.", fix="Leave inputs and outputs in float (--io float)."
            )


def _notes(model: Any) -> tuple[str, ...]:
    """Names the kinds of weighted operators whose weights were not quantized."""
    weighted = {"Convolution", "GroupConvolution", "MatMul", "ConvolutionBackpropData", "GroupConvolutionBackpropData"}
    left = set()
    for node in model.get_ops():
        if node.get_type_name() in weighted and not _from_quantizer(node.input_value(0).get_node()):
            left.add(node.get_type_name())
    return (f"These operators stay in float: {', '.join(sorted(left))}.",) if left else ()


def _from_quantizer(node: Any) -> bool:
    while node.get_type_name() in ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "MaxPool", "Concat"):
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "FakeQuantize")
