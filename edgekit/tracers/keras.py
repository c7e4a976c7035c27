"""The Keras tracer: the model with the outputs of all its layers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import TracedTensor
from edgekit.core.target import ModelFormat
from edgekit.errors import InferenceError
from edgekit.lazy import require


class KerasTracer:
    """Runs a Keras model on TensorFlow; a layer that is used several times, and what is inside a layer, is not seen."""

    name: ClassVar[str] = "keras"
    format: ClassVar[ModelFormat] = ModelFormat.KERAS
    packages: ClassVar[tuple[str, ...]] = ("keras", "tensorflow")
    extra: ClassVar[str] = "keras"

    def trace(self, file: Path, samples: Iterable[Mapping[str, Any]]) -> Iterator[list[TracedTensor]]:
        """Every layer's output.

        Raises:
            InferenceError: The model has no graph of layers.
        """
        os.environ["KERAS_BACKEND"] = "tensorflow"
        tensorflow = require("tensorflow", extra=self.extra)
        keras = require("keras", extra=self.extra)
        loaded = keras.saving.load_model(str(file), compile=False, safe_mode=True)
        if not getattr(loaded, "inputs", None):
            raise InferenceError(
                f"{file.name} is a subclassed Keras model: it has no graph of layers to follow.",
                fix="Compare a converted model with another one, or rebuild it with the functional API.",
            )
        seen = _outputs(keras.Model(loaded.inputs, loaded.outputs))
        model = keras.Model(loaded.inputs, [tensor for _, _, tensor in seen])
        function = tensorflow.function(lambda *feeds: model(list(feeds), training=False))
        names = [tensor.name for tensor in loaded.inputs]
        for sample in samples:
            values = function(*[tensorflow.constant(sample[name]) for name in names])
            found = values if isinstance(values, (list, tuple)) else [values]
            yield [TracedTensor(name, kind, value.numpy()) for (name, kind, _), value in zip(seen, found, strict=True)]


def _outputs(model: Any) -> list[tuple[str, str, Any]]:
    """Name, kind and symbolic tensor of what each operation writes, in the order they run."""
    found = []
    for operation in model.operations:
        kind = type(operation).__name__
        if kind == "InputLayer":
            continue
        try:
            output = operation.output
        except (AttributeError, ValueError):  # used several times: it has no one output
            continue
        tensors = output if isinstance(output, (list, tuple)) else [output]
        names = [operation.name] if len(tensors) == 1 else [f"{operation.name}:{i}" for i in range(len(tensors))]
        found += [(name, kind, tensor) for name, tensor in zip(names, tensors, strict=True)]
    return found
