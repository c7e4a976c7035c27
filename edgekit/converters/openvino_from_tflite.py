"""TFLite to OpenVINO, through OpenVINO's TFLite frontend; the way for recurrent Keras models."""

from __future__ import annotations

from typing import ClassVar

from edgekit.converters._openvino import to_openvino
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat


class OpenVINOFromTFLite:
    """TFLite -> OpenVINO IR, float32."""

    name: ClassVar[str] = "openvino_from_tflite"
    source: ClassVar[ModelFormat] = ModelFormat.TFLITE
    target: ClassVar[ModelFormat] = ModelFormat.OPENVINO
    # A little less than by way of ONNX: from Keras this way also takes recurrent models, and folds every batch norm.
    cost: ClassVar[float] = 0.9
    engine: ClassVar[str] = "openvino"
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    extra: ClassVar[str] = "openvino"
    gaps: ClassVar[dict[str, str]] = {}

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes `model.xml` and `model.bin` with the names and shapes of the TFLite file.

        Raises:
            ConversionError: OpenVINO has no form of an operator.
            DynamicShapeError: An input has a dimension that nobody fixed.
        """
        emit({"step": 0, "steps": 1, "text": "convert TFLite to OpenVINO"})
        return to_openvino(work, "Convert by way of ONNX, or choose a target in another format.")
