"""What every static pass needs: the calibration samples one at a time, and the checks that come before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from edgekit.core.protocols import Emit, Work
from edgekit.core.tensor import DType
from edgekit.errors import DataError, UnsupportedModelError, UsageError


def samples(work: Work, emit: Emit) -> Iterator[Any]:
    """Yields the calibration samples as `float32[1, ...]`, read from disk one at a time.

    Raises:
        DataError: There are none, or their shape is not the model's.
        UnsupportedModelError: The model has more inputs than the calibration data feeds, or not a float one.
    """
    import numpy as np

    _check_model(work)
    if work.calibration is None:
        raise DataError(
            "Static int8 needs calibration samples.", fix="Give some with --calib FOLDER; 100 to 300 are enough."
        )
    stored = np.load(work.calibration, mmap_mode="r")
    wanted = work.inputs[0].shape[1:]
    if stored.shape[1:] != wanted or len(stored) == 0:
        raise DataError(
            f"The calibration data is {list(stored.shape)}, the model takes {work.inputs[0]}.",
            fix="Give at least one sample in the model's own shape; the input contract says how a raw sample becomes one.",
        )
    every = max(1, len(stored) // 20)
    for index in range(len(stored)):
        if index % every == 0:
            emit({"step": index, "steps": len(stored), "text": "calibrate"})
        yield np.ascontiguousarray(stored[index : index + 1], dtype=np.float32)


def integer_io(work: Work) -> bool:
    """Whether the option `io` asks for integer inputs and outputs.

    Raises:
        UsageError: `io` is neither `float` nor `integer`.
    """
    io: Literal["float", "integer"] | str = work.options.get("io", "float")
    if io not in ("float", "integer"):
        raise UsageError(f"There is no io {io!r}.", fix="io is float or integer.")
    return io == "integer"


def _check_model(work: Work) -> None:
    if len(work.inputs) != 1 or work.inputs[0].dtype is not DType.FLOAT32:
        listed = "; ".join(str(spec) for spec in work.inputs)
        raise UnsupportedModelError(
            f"Static int8 is calibrated on one float32 input; this model takes {listed}.",
            fix="Use a precision without calibration (fp16, tflite-int8-dynamic), or split the model.",
        )
