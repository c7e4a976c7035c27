"""What a model's input or output is: name, element type, shape and quantization."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class DType(str, Enum):
    """Element types, by their numpy names."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT64 = "int64"
    INT32 = "int32"
    INT16 = "int16"
    INT8 = "int8"
    UINT8 = "uint8"
    BOOL = "bool"

    @property
    def is_integer(self) -> bool:
        return self.value.startswith(("int", "uint"))


class Layout(str, Enum):
    """Order of an image tensor's axes: n batch, h height, w width, c channels."""

    NHWC = "nhwc"
    NCHW = "nchw"


@dataclass(frozen=True)
class Quantization:
    """Affine quantization, real = scale * (stored - zero_point) (Jacob et al. 2018, arXiv:1712.05877, eq. 1)."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None

    def quantize(self, values: Any, dtype: DType) -> Any:
        """Real values to stored integers, rounded to nearest even and clipped to the range of `dtype`."""
        import numpy as np

        limits = np.iinfo(dtype.value)
        stored = np.rint(values / np.float32(self.scale[0])) + self.zero_point[0]
        return np.clip(stored, limits.min, limits.max).astype(dtype.value)

    def dequantize(self, stored: Any) -> Any:
        """Stored integers to real values, float32."""
        import numpy as np

        return (stored.astype(np.float32) - np.float32(self.zero_point[0])) * np.float32(self.scale[0])


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model; a dimension of None is not fixed."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...]
    quantization: Quantization | None = None

    @property
    def is_static(self) -> bool:
        return None not in self.shape

    def __str__(self) -> str:
        dims = ", ".join("?" if d is None else str(d) for d in self.shape)
        text = f"{self.name} {self.dtype.value}[{dims}]"
        if self.quantization:
            text += f" scale {self.quantization.scale[0]:.6g} zero point {self.quantization.zero_point[0]}"
        return text
