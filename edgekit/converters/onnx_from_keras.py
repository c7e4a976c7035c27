"""Keras to ONNX through tf2onnx: opset 18, static shapes, batch 1, the model's own names."""

from __future__ import annotations

from typing import Any, ClassVar

from edgekit.converters._keras import KerasFunction, load_function
from edgekit.converters._tf2onnx import OPSET, save_checked
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat
from edgekit.errors import ConversionError
from edgekit.lazy import require


class ONNXFromKeras:
    """Keras -> ONNX, float32; image inputs keep their channels last."""

    name: ClassVar[str] = "onnx_from_keras"
    source: ClassVar[ModelFormat] = ModelFormat.KERAS
    target: ClassVar[ModelFormat] = ModelFormat.ONNX
    cost: ClassVar[float] = 1.0
    engine: ClassVar[str] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("tf2onnx", "tensorflow", "keras", "onnx")
    extra: ClassVar[str] = "keras"
    gaps: ClassVar[dict[str, str]] = {}

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes `model.onnx`.

        Raises:
            ConversionError: tf2onnx fails, or writes a graph that breaks the ONNX standard.
            DynamicShapeError: An input has a dimension that nobody fixed.
        """
        emit({"step": 0, "steps": 2, "text": "load the Keras model"})
        function = load_function(work)
        emit({"step": 1, "steps": 2, "text": "convert to ONNX"})
        save_checked(_convert(function), function.inputs, function.outputs, work.out / "model.onnx")
        require("keras", extra="keras").utils.clear_session()
        return Made(file="model.onnx")


def _convert(function: KerasFunction) -> Any:
    tf = require("tensorflow", extra="keras")
    tf2onnx = require("tf2onnx", extra="keras")

    def serve(*feeds: Any) -> list[Any]:
        return [tf.identity(output, name=f"output_{i}") for i, output in enumerate(function.call(*feeds))]

    traced = tf.function(serve, input_signature=function.signature)
    try:
        model, _ = tf2onnx.convert.from_function(traced, input_signature=function.signature, opset=OPSET)
    except Exception as error:  # tf2onnx raises ValueError, KeyError, AssertionError and more
        raise ConversionError(
            f"tf2onnx could not convert the model: {' '.join(str(error).split())[:300] or type(error).__name__}",
            fix="Replace the layer it names, or convert to tflite, which has more of TensorFlow's operations.",
        ) from error
    return model
