"""TFLite at fp16, int8 and int8-dynamic, by ai-edge-quantizer: file in, file out, without TensorFlow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat, Precision
from edgekit.errors import ConversionError
from edgekit.lazy import require
from edgekit.passes._calibration import Calibration, integer_io

_FILE = "model.tflite"
_ISLAND_NOTE_LIMIT = 8


class QuantizeTFLite:
    """TFLite fp32 -> fp16, int8, int8-dynamic; weights are per output channel and symmetric."""

    name: ClassVar[str] = "quantize_tflite"
    format: ClassVar[ModelFormat] = ModelFormat.TFLITE
    precisions: ClassVar[tuple[Precision, ...]] = (Precision.FP16, Precision.INT8, Precision.INT8_DYNAMIC)
    needs_calibration: ClassVar[tuple[Precision, ...]] = (Precision.INT8,)
    engine: ClassVar[str] = "litert"
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-quantizer", "ai-edge-litert")
    extra: ClassVar[str] = "litert"
    gaps: ClassVar[dict[str, str]] = {
        "recurrent_int8": "notyet: ai-edge-quantizer 0.10 refuses LSTM and GRU loops (Tensor data is null)",
        "several_inputs_int8": "notyet: calibration data feeds one input",
    }

    def apply(self, work: Work, precision: Precision, emit: Emit) -> Made:
        """Writes `model.tflite` at `precision`.

        Raises:
            ConversionError: ai-edge-quantizer refuses the graph, or it cannot have the integer inputs that were asked for.
            DataError: The calibration data does not fit the model.
            UnsupportedModelError: Static int8 of a model with several inputs or without a float one.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # keeping all tensors is what calibration is
            content = _quantized(work, precision, emit)
        (work.out / _FILE).write_bytes(content)
        if precision is not Precision.INT8:
            return Made(file=_FILE)
        return Made(file=_FILE, notes=_check_int8(work.out / _FILE, integer_io(work)))


def _quantized(work: Work, precision: Precision, emit: Emit) -> bytes:
    quantizer = require("ai_edge_quantizer.quantizer", extra="litert")
    rules = _recipe(precision, integer=integer_io(work))
    ranges = _calibrate(work, rules, emit) if precision is Precision.INT8 else None
    emit({"step": 1, "steps": 1, "text": f"quantize to {precision.value}"})
    try:
        maker = quantizer.Quantizer(str(work.file), rules.get_quantization_recipe())
        return bytes(maker.quantize(ranges, enable_progress_report=False).quantized_model)
    except (ValueError, RuntimeError, IndexError, KeyError, AttributeError, TypeError) as error:
        raise _refused(error) from error


def _recipe(precision: Precision, *, integer: bool) -> Any:
    """The rules of one precision, later ones before earlier ones."""
    manager = require("ai_edge_quantizer.recipe_manager", extra="litert").RecipeManager()
    qtyping = require("ai_edge_quantizer.qtyping", extra="litert")
    algorithms = require("ai_edge_quantizer.algorithm_manager", extra="litert").AlgorithmName
    operation = qtyping.TFLOperationName
    if precision is Precision.FP16:
        manager.add_weight_only_config(
            ".*",
            operation.ALL_SUPPORTED,
            16,
            granularity=qtyping.QuantGranularity.TENSORWISE,
            algorithm_key=algorithms.FLOAT_CASTING,
        )
    elif precision is Precision.INT8_DYNAMIC:
        manager.add_dynamic_config(".*", operation.ALL_SUPPORTED, 8)
    else:
        manager.add_static_config(".*", operation.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8)
        if not integer:
            manager.add_quantization_config(".*", operation.INPUT, algorithm_key=algorithms.NO_QUANTIZE)
            manager.add_quantization_config(".*", operation.OUTPUT, algorithm_key=algorithms.NO_QUANTIZE)
    return manager


def _calibrate(work: Work, rules: Any, emit: Emit) -> dict[str, Any]:
    """Smallest and largest value of every tensor over all samples.

    The library's default is a moving average that forgets a sample after some twenty others; true ranges are 12 dB better
    on a small CNN (docs/decisions/0004-conversion-engines.md).
    """
    calibration = Calibration(work, emit)
    calibrator = require("ai_edge_quantizer.calibrator", extra="litert")
    ranges = require("ai_edge_quantizer.utils.qsv_utils", extra="litert").min_max_update
    try:
        run = calibrator.Calibrator(str(work.file), num_threads=2, qsv_update_func=ranges)
        signature = run.get_signature_list()
    except (ValueError, RuntimeError, IndexError) as error:
        raise _refused(error) from error
    if not signature:
        raise ConversionError(
            f"{work.file.name} has no signature, by which ai-edge-quantizer finds its inputs.",
            fix="Convert it again from Keras (`edgekit convert MODEL.keras --target tflite-int8`), or use another format.",
            cause="Converters before TensorFlow 2.7 did not write signatures.",
        )
    key, name = next((key, ends["inputs"][0]) for key, ends in signature.items())
    for sample in calibration:
        try:
            run.calibrate({key: [{name: sample}]}, rules)
        except (ValueError, RuntimeError, IndexError, KeyError, AttributeError, TypeError) as error:
            raise _refused(error) from error
    return dict(run.get_model_qsvs())


def _refused(error: Exception) -> ConversionError:
    recurrent = "Tensor data is null" in str(error)
    return ConversionError(
        f"ai-edge-quantizer refused the model: {str(error).splitlines()[0][:300] if str(error) else type(error).__name__}",
        fix="Try tflite-fp16 or tflite-int8-dynamic, or int8 in another format (onnx-int8, openvino-int8).",
        cause="It cannot quantize graphs with LSTM or GRU loops statically." if recurrent else "",
    )


def _check_int8(file: Path, integer: bool) -> tuple[str, ...]:
    """Looks at what was made: integer ends where they were asked for, and which operators stayed in float."""
    schema = require("ai_edge_litert.schema_py_generated", extra="litert")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes(), 0))
    graph = model.subgraphs[0]
    ends = [graph.tensors[i] for i in (*graph.inputs, *graph.outputs)]
    floats = [tensor.name.decode() for tensor in ends if tensor.type == schema.TensorType.FLOAT32]
    if integer and floats:
        raise ConversionError(
            f"The graph cannot take or give integers at {', '.join(floats)}: the operator there has no int8 kernel.",
            fix="Leave inputs and outputs in float (--io float).",
        )
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    quantizers = {schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE}
    left = set()
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind not in quantizers and any(graph.tensors[o].type == schema.TensorType.FLOAT32 for o in operator.outputs):
            left.add(names.get(kind, str(kind)))
    if not left:
        return ()
    return (f"These operators have no int8 form and stay in float: {', '.join(sorted(left)[:_ISLAND_NOTE_LIMIT])}.",)
