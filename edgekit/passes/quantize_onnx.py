"""ONNX at int8, by ONNX Runtime's own quantizer: QDQ format, weights per output channel, true ranges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat, Precision
from edgekit.errors import ConversionError, UsageError
from edgekit.lazy import require
from edgekit.passes._calibration import Calibration, integer_io
from edgekit.passes._onnx_ends import float_operators, integer_ends

_LONGEST_STRIDE = 32


class QuantizeONNX:
    """ONNX fp32 -> int8.

    Options: `activation` is `uint8` (default; 1.6x faster than `int8` on x86 with VNNI at the same accuracy) or `int8`;
    `reduce_range` keeps weights in 7 bits, for x86 without VNNI, whose 16-bit sums of uint8 x int8 saturate. Both are said
    by whoever converts and never guessed from this machine: the artifact is the same wherever it is made.
    """

    name: ClassVar[str] = "quantize_onnx"
    format: ClassVar[ModelFormat] = ModelFormat.ONNX
    precisions: ClassVar[tuple[Precision, ...]] = (Precision.INT8,)
    needs_calibration: ClassVar[tuple[Precision, ...]] = (Precision.INT8,)
    engine: ClassVar[str] = "onnx"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx")
    extra: ClassVar[str] = "onnx"
    gaps: ClassVar[dict[str, str]] = {
        "several_inputs_int8": "notyet: calibration data feeds one input",
        "int8_dynamic": "never: ONNX Runtime's ConvInteger is 3.6x slower than float (baselines of 2026)",
    }

    def apply(self, work: Work, precision: Precision, emit: Emit) -> Made:
        """Writes `model.onnx` in int8.

        Raises:
            ConversionError: ONNX Runtime refuses the graph, or it cannot have the integer inputs that were asked for.
            DataError: The calibration data does not fit the model.
            DynamicShapeError: The input has a dimension that nobody fixed.
            UnsupportedModelError: The model has several inputs or no float one.
            UsageError: An option has a value that does not exist.
        """
        assert precision in self.precisions
        integer = integer_io(work)
        calibration = Calibration(work, emit)
        with tempfile.TemporaryDirectory(dir=work.out, prefix="quantize-") as folder:
            prepared, notes = _prepare(work, calibration, Path(folder))
            quantized = Path(folder) / "quantized.onnx"
            _quantize(work, calibration, prepared, quantized)
            onnx = require("onnx", extra="onnx")
            model = onnx.load(str(quantized))
        left = float_operators(model.graph)
        if left:
            notes.append(f"These operators have no int8 form and stay in float: {', '.join(left)}.")
        inputs, outputs = integer_ends(model) if integer else (None, None)
        onnx.checker.check_model(model)
        onnx.save(model, work.out / "model.onnx")
        return Made(file="model.onnx", notes=tuple(notes), inputs=inputs, outputs=outputs)


class _Reader:
    """What ONNX Runtime reads samples from: `stride` at a time, so that it merges ranges instead of holding them all."""

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._samples: Iterator[Any] = iter(calibration)
        self._left = 0

    def __len__(self) -> int:
        return len(self._calibration)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = end_index - start_index

    def get_next(self) -> dict[str, Any] | None:
        if self._left == 0:
            return None
        self._left -= 1
        return {self._calibration.input.name: next(self._samples)}


def _prepare(work: Work, calibration: Calibration, folder: Path) -> tuple[Path, list[str]]:
    """Fixes the input's shape, folds constants and batch norms, and infers shapes: what the quantizer needs to see."""
    onnx = require("onnx", extra="onnx")
    shapes = require("onnxruntime.tools.onnx_model_utils", extra="onnx")
    model = onnx.load(str(work.file))
    if not work.inputs[0].is_static:
        shapes.make_input_shape_fixed(model.graph, calibration.input.name, list(calibration.input.shape))
        shapes.fix_output_shapes(model)
    fixed, prepared = folder / "fixed.onnx", folder / "prepared.onnx"
    onnx.save(model, str(fixed))
    quantization = require("onnxruntime.quantization", extra="onnx")
    try:
        quantization.quant_pre_process(str(fixed), str(prepared), skip_symbolic_shape=True)
    except Exception as error:  # it raises whatever its shape inference or its optimizer raised
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        return fixed, [f"ONNX Runtime could not prepare the graph and quantized it as it is: {reason}"]
    return prepared, []


def _quantize(work: Work, calibration: Calibration, source: Path, target: Path) -> None:
    quantization = require("onnxruntime.quantization", extra="onnx")
    activation = _activation(work, quantization.QuantType)
    count = len(calibration)
    stride = max(size for size in range(1, min(count, _LONGEST_STRIDE) + 1) if count % size == 0)
    try:
        quantization.quantize_static(
            str(source),
            str(target),
            _Reader(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=bool(work.options.get("reduce_range", False)),
            activation_type=activation,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            # CalibMaxIntermediateOutputs looks made for this but drops the samples it has seen (ONNX Runtime 1.32).
            extra_options={"CalibStridedMinMax": stride},
        )
    except Exception as error:  # protobuf, onnx and ONNX Runtime each raise their own
        raise ConversionError(
            f"ONNX Runtime's quantizer refused the model: {' '.join(str(error).split())[:300] or type(error).__name__}",
            fix="Try openvino-int8 or tflite-int8, or keep onnx-fp32.",
        ) from error


def _activation(work: Work, kinds: Any) -> Any:
    known = {"uint8": kinds.QUInt8, "int8": kinds.QInt8}
    asked = work.options.get("activation", "uint8")
    if asked not in known:
        raise UsageError(f"There is no activation {asked!r}.", fix="activation is uint8 or int8.")
    return known[asked]
