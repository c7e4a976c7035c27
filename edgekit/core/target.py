"""Target: what a conversion makes, written `<format>-<precision>[@<accelerator>]`, such as `tflite-int8@coral`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ModelFormat(str, Enum):
    """A file format that holds a model."""

    KERAS = "keras"
    TFLITE = "tflite"
    ONNX = "onnx"
    OPENVINO = "openvino"


class Precision(str, Enum):
    """How numbers are stored and computed."""

    FP32 = "fp32"
    FP16 = "fp16"
    """Weights stored as float16; computed in float32 unless the runtime has float16 kernels."""
    INT8 = "int8"
    """Static: weights (per output channel) and activations (per tensor) are int8, ranges from calibration."""
    INT8_DYNAMIC = "int8-dynamic"
    """Weights are int8; activations are quantized at run time, sample by sample."""


@dataclass(frozen=True)
class Target:
    """One cell of the target table; `Target.parse(str(t)) == t` for every target."""

    format: ModelFormat
    precision: Precision
    accelerator: str | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """Reads `tflite-int8`, `openvino-fp16` or `tflite-int8@coral`.

        Raises:
            ValueError: The format or the precision does not exist.
        """
        body, _, accelerator = text.partition("@")
        head, _, tail = body.partition("-")
        return cls(ModelFormat(head), Precision(tail), accelerator or None)

    def __str__(self) -> str:
        suffix = f"@{self.accelerator}" if self.accelerator else ""
        return f"{self.format.value}-{self.precision.value}{suffix}"
