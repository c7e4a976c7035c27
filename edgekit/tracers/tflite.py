"""The TFLite tracer: LiteRT without delegates, with every tensor preserved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import TracedTensor
from edgekit.core.target import ModelFormat
from edgekit.errors import InferenceError
from edgekit.lazy import require


class TFLiteTracer:
    """Runs a .tflite file with LiteRT's own kernels: inside the XNNPACK delegate no tensor can be seen."""

    name: ClassVar[str] = "tflite"
    format: ClassVar[ModelFormat] = ModelFormat.TFLITE
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert",)
    extra: ClassVar[str] = "litert"

    def trace(self, file: Path, samples: Iterable[Mapping[str, Any]]) -> Iterator[list[TracedTensor]]:
        """Every operator's outputs, dequantized.

        Raises:
            InferenceError: LiteRT refuses the model.
        """
        engine = require("ai_edge_litert.interpreter", extra=self.extra)
        try:
            plain = engine.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            interpreter = engine.Interpreter(
                model_path=str(file), experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
            )
            interpreter.allocate_tensors()
            for sample in samples:
                for place, feed in zip(_places(interpreter, list(sample)), sample.values(), strict=True):
                    interpreter.set_tensor(place, feed)
                interpreter.invoke()
                yield _tensors(interpreter)
        except (ValueError, RuntimeError) as problem:
            words = str(problem).strip().splitlines() or ["it gave no reason"]
            raise InferenceError(
                f"LiteRT could not run {file.name} tensor by tensor: {words[0][:300]}",
                fix="Check the file with `edgekit inspect`.",
            ) from problem


def _places(interpreter: Any, names: list[str]) -> list[int]:
    details = interpreter.get_input_details()
    found = {str(detail["name"]): int(detail["index"]) for detail in details}
    if len(interpreter.get_signature_list()) == 1:
        ends = interpreter.get_signature_runner().get_input_details()
        found.update({name: int(detail["index"]) for name, detail in ends.items()})
    rest = [int(detail["index"]) for detail in details]
    return [found.get(name, place) for name, place in zip(names, rest, strict=True)]


def _tensors(interpreter: Any) -> list[TracedTensor]:
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    found = []
    for operator in interpreter._get_ops_details():  # the only list of operators that the interpreter gives
        for index in operator["outputs"]:
            detail = details.get(index)
            if detail is None:
                continue
            try:
                stored = interpreter.get_tensor(index)
            except ValueError:  # a tensor without data, such as a resource
                continue
            found.append(TracedTensor(str(detail["name"]), str(operator["op_name"]), _real(stored, detail)))
    return found


def _real(stored: Any, detail: dict[str, Any]) -> Any:
    """Real numbers, scale * (stored - zero point), along the quantized axis where there is one."""
    import numpy as np

    parameters = detail["quantization_parameters"]
    scales, zeros = parameters["scales"], parameters["zero_points"]
    if not len(scales) or stored.dtype.kind not in "iu":
        return stored
    shape = [1] * stored.ndim
    if len(scales) > 1:
        shape[parameters["quantized_dimension"]] = len(scales)
    return (stored.astype(np.float32) - zeros.astype(np.float32).reshape(shape)) * scales.reshape(shape)
