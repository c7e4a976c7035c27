"""Keras to TFLite: the model is frozen with its shapes fixed, then converted by TensorFlow's own converter."""

from __future__ import annotations

import tempfile
from typing import Any, ClassVar

from edgekit.converters._keras import KerasFunction, load_function
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.target import ModelFormat
from edgekit.errors import ConversionError
from edgekit.lazy import require

SIGNATURE = "serving_default"
"""The one signature of the file; ai-edge-quantizer finds inputs and outputs by it."""


class TFLiteFromKeras:
    """Keras -> TFLite, float32."""

    name: ClassVar[str] = "tflite_from_keras"
    source: ClassVar[ModelFormat] = ModelFormat.KERAS
    target: ClassVar[ModelFormat] = ModelFormat.TFLITE
    cost: ClassVar[float] = 1.0
    engine: ClassVar[str] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "keras")
    extra: ClassVar[str] = "keras"
    gaps: ClassVar[dict[str, str]] = {}

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes `model.tflite` with the names and the order of the Keras model's inputs and outputs.

        Raises:
            ConversionError: The model holds an operation TFLite has no kernel for.
            DynamicShapeError: An input has a dimension that nobody fixed.
        """
        emit({"step": 0, "steps": 2, "text": "load and freeze the Keras model"})
        function = load_function(work)
        with tempfile.TemporaryDirectory(dir=work.out, prefix="saved-model-") as folder:
            _save_frozen(function, folder)
            emit({"step": 1, "steps": 2, "text": "convert to TFLite"})
            content = _convert(folder)
        (work.out / "model.tflite").write_bytes(_name_interface(content, function))
        require("keras", extra="keras").utils.clear_session()
        return Made(file="model.tflite")


def _save_frozen(function: KerasFunction, folder: str) -> None:
    """Writes a SavedModel without variables: left in, they come out as NaN or as graphs that fail at the first run."""
    tf = require("tensorflow", extra="keras")
    constants = require("tensorflow.python.framework.convert_to_constants", extra="keras")
    concrete = tf.function(function.call).get_concrete_function(*function.signature)
    frozen = constants.convert_variables_to_constants_v2(concrete)

    def serve(*feeds: Any) -> dict[str, Any]:
        return {f"output_{i}": output for i, output in enumerate(frozen(*feeds))}

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=function.signature)
    tf.saved_model.save(module, folder, signatures={SIGNATURE: module.serve})


def _convert(folder: str) -> bytes:
    tf = require("tensorflow", extra="keras")
    try:
        content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE]).convert()
    except Exception as error:  # the converter raises its own class, RuntimeError or ValueError, whatever failed inside
        raise ConversionError(
            f"TensorFlow's converter refused the model: {_first_reason(str(error))}",
            fix="Replace the layer it names by one TFLite has a kernel for, or convert to another format (onnx, openvino).",
            cause="An operation of the model has no TFLite kernel.",
        ) from error
    return content


def _first_reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # The line with the operators' names says more than the trace before it, and says the same in every process.
    telling = [line for line in lines if "ops:" in line] or [line for line in lines if "error:" in line]
    return (telling or lines or ["it gave no reason"])[0][:300]


def _name_interface(content: bytes, function: KerasFunction) -> bytes:
    """The same model with the Keras names, in the Keras order (a SavedModel sorts its inputs and outputs by name)."""
    tools = require("tensorflow.lite.tools.flatbuffer_utils", extra="keras")
    model = tools.convert_bytearray_to_object(bytearray(content))
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    taken = {tensor.name for tensor in graph.tensors}
    for maps, names, prefix in (
        (signature.inputs, function.inputs, "input_"),
        (signature.outputs, function.outputs, "output_"),
    ):
        maps.sort(key=lambda entry, prefix=prefix: int(entry.name.decode().removeprefix(prefix)))
        for entry, name in zip(maps, names, strict=True):
            entry.name = name.encode()
            if name.encode() not in taken:
                graph.tensors[entry.tensorIndex].name = name.encode()
                taken.add(name.encode())
    graph.inputs = [entry.tensorIndex for entry in signature.inputs]
    graph.outputs = [entry.tensorIndex for entry in signature.outputs]
    return bytes(tools.convert_object_to_bytearray(model))
