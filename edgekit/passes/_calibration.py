"""What every static pass needs: the calibration samples one at a time, and the checks that come before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgekit.core.protocols import Emit, Work
from edgekit.core.shapes import fixed_inputs
from edgekit.core.tensor import DType, TensorSpec
from edgekit.errors import DataError, UnsupportedModelError, UsageError


class Calibration:
    """The calibration samples of `work` as `float32[1, ...]`, read from disk one at a time, as often as wanted.

    Attributes:
        input: The input they feed, its shape fixed.

    Raises:
        DataError: There are none, or their shape is not the model's.
        DynamicShapeError: The model's input has a dimension that nobody fixed.
        UnsupportedModelError: The model has more inputs than the calibration data feeds, or not a float one.
    """

    def __init__(self, work: Work, emit: Emit) -> None:
        import numpy as np

        self.input = _only_input(work)
        self._emit = emit
        if work.calibration is None:
            raise DataError("Static int8 needs calibration samples.", fix="Give some with --calib; 100 to 300 are enough.")
        self._path = work.calibration
        shape = np.load(self._path, mmap_mode="r").shape
        self._count = shape[0]
        if shape[1:] != self.input.shape[1:] or self._count == 0:
            raise DataError(
                f"The calibration data is {list(shape)}, the model takes {self.input}.",
                fix="Give at least one sample in the model's own shape; the input contract makes it from a raw sample.",
            )

    def __len__(self) -> int:
        return int(self._count)

    def __iter__(self) -> Iterator[Any]:
        import numpy as np

        every = max(1, len(self) // 20)
        for index in range(len(self)):
            if index % every == 0:
                self._emit({"step": index, "steps": len(self), "text": "calibrate"})
            # Mapped anew for each sample: pages of one lasting map would stay counted as this process's memory.
            yield np.array(np.load(self._path, mmap_mode="r")[index : index + 1], dtype=np.float32)


def integer_io(work: Work) -> bool:
    """Whether the option `io` asks for integer inputs and outputs.

    Raises:
        UsageError: `io` is neither `float` nor `integer`.
    """
    io = work.options.get("io", "float")
    if io not in ("float", "integer"):
        raise UsageError(f"There is no io {io!r}.", fix="io is float or integer.")
    return bool(io == "integer")


def _only_input(work: Work) -> TensorSpec:
    if len(work.inputs) != 1 or work.inputs[0].dtype is not DType.FLOAT32:
        listed = "; ".join(str(spec) for spec in work.inputs)
        raise UnsupportedModelError(
            f"Static int8 is calibrated on one float32 input; this model takes {listed}.",
            fix="Use a precision without calibration (fp16, tflite-int8-dynamic), or split the model.",
        )
    return fixed_inputs(work)[0]
