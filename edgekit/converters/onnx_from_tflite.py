"""TFLite to ONNX through tf2onnx: opset 18, static shapes, the file's own names; the second way for Keras models."""

from __future__ import annotations

from typing import Any, ClassVar

from edgekit.converters._tf2onnx import OPSET, save_checked
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.shapes import fixed_inputs
from edgekit.core.target import ModelFormat
from edgekit.core.tensor import TensorSpec
from edgekit.errors import ConversionError
from edgekit.lazy import require


class ONNXFromTFLite:
    """TFLite -> ONNX, float32; image inputs keep their channels last."""

    name: ClassVar[str] = "onnx_from_tflite"
    source: ClassVar[ModelFormat] = ModelFormat.TFLITE
    target: ClassVar[ModelFormat] = ModelFormat.ONNX
    # More than from Keras: TFLite has fused what ONNX would have to take apart, and more transposes stay behind.
    cost: ClassVar[float] = 1.5
    engine: ClassVar[str] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("tf2onnx", "tensorflow", "onnx")
    extra: ClassVar[str] = "keras"
    gaps: ClassVar[dict[str, str]] = {
        "gelu": "notyet: tf2onnx 1.17 has no form of TFLite's GELU; such a model is refused",
    }

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes `model.onnx` with the names and the order of the TFLite file's inputs and outputs.

        Raises:
            ConversionError: tf2onnx fails, or writes a graph that breaks the ONNX standard.
            DynamicShapeError: An input has a dimension that nobody fixed.
        """
        emit({"step": 0, "steps": 1, "text": "convert TFLite to ONNX"})
        specs = fixed_inputs(work)
        model = _convert(work, specs)
        names = tuple(spec.name for spec in specs), tuple(spec.name for spec in work.outputs)
        save_checked(model, *names, work.out / "model.onnx")
        return Made(file="model.onnx")


def _convert(work: Work, specs: tuple[TensorSpec, ...]) -> Any:
    """The graph as tf2onnx makes it, its inputs with fixed shapes."""
    tf2onnx = require("tf2onnx", extra="keras")
    try:
        model, _ = tf2onnx.convert.from_tflite(str(work.file), opset=OPSET)
    except Exception as error:  # tf2onnx raises ValueError, KeyError, AssertionError and more
        raise ConversionError(
            f"tf2onnx could not convert the model: {' '.join(str(error).split())[:300] or type(error).__name__}",
            fix="Convert to openvino, or convert the model this file was made from.",
        ) from error
    ends = len(model.graph.input), len(model.graph.output)
    if ends != (len(specs), len(work.outputs)):
        raise ConversionError(
            f"tf2onnx made a graph of {ends[0]} inputs and {ends[1]} outputs of a file that has {len(specs)} and "
            f"{len(work.outputs)}.",
            fix="Convert to openvino, or convert the model this file was made from.",
        )
    for value, spec in zip(model.graph.input, specs, strict=True):
        for dimension, size in zip(value.type.tensor_type.shape.dim, spec.shape, strict=True):
            dimension.dim_value = size
    return model
