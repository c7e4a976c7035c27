"""ONNX to OpenVINO, through OpenVINO's ONNX frontend."""

from __future__ import annotations

from typing import ClassVar

from edgekit.converters._openvino import to_openvino
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat


class OpenVINOFromONNX:
    """ONNX -> OpenVINO IR, float32."""

    name: ClassVar[str] = "openvino_from_onnx"
    source: ClassVar[ModelFormat] = ModelFormat.ONNX
    target: ClassVar[ModelFormat] = ModelFormat.OPENVINO
    cost: ClassVar[float] = 1.0
    engine: ClassVar[str] = "openvino"
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    extra: ClassVar[str] = "openvino"
    gaps: ClassVar[dict[str, str]] = {
        "recurrent": "notyet: OpenVINO 2026.4 refuses the Loop that tf2onnx makes of an LSTM or GRU"
    }

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes `model.xml` and `model.bin` with the names and shapes of the ONNX file.

        Raises:
            ConversionError: OpenVINO has no form of an operator.
            DynamicShapeError: An input has a dimension that nobody fixed.
        """
        emit({"step": 0, "steps": 1, "text": "convert ONNX to OpenVINO"})
        return to_openvino(work, "From Keras: convert to tflite-fp32 first, then the .tflite file to OpenVINO.")
