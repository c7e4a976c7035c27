"""The Keras inspector: loads a .keras file safely, calls it once on zeros, and notes what each layer was called with."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.graph import GraphSummary, OpSummary
from edgekit.core.target import ModelFormat
from edgekit.errors import CorruptModelError, DynamicShapeError, InferenceError, MissingFileError
from edgekit.inspectors._keras_layers import layer_macs, leaves
from edgekit.lazy import require

_WORDS = {"float32": "float", "float64": "float", "float16": "float16", "bfloat16": "bfloat16"}
_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "uint32": 4}


class KerasInspector:
    """Reads a .keras file, layer by layer, in the order the layers are called.

    A layer computes in its compute type; one that `model.quantize("int8")` changed quantizes activations at run time and is
    hybrid. Layers of nested models are listed in place of the model that holds them, and a shared layer once for each call.
    Parameters are all weights of the model, the moving averages of batch normalizations among them.
    """

    name: ClassVar[str] = "keras"
    format: ClassVar[ModelFormat] = ModelFormat.KERAS
    extra: ClassVar[str] = "keras"

    def inspect(self, file: Path) -> GraphSummary:
        """The summary of a .keras file.

        Raises:
            MissingFileError: The file is not there.
            CorruptModelError: It is damaged, or needs code that it does not hold.
            DynamicShapeError: An input has an axis, other than the batch axis, that is not fixed.
            InferenceError: The model cannot be called.
            MissingPackageError: keras is not installed.
        """
        model = _load(file)
        calls: list[tuple[Any, Any, Any]] = []
        feeds = _zeros(model, file)
        for layer in leaves(model):
            layer.call = _noting(layer, calls)
        try:
            model(feeds, training=False)
        except Exception as refusal:  # whatever a layer's own code raises
            raise InferenceError(
                f"{file.name} cannot be called on zeros: {str(refusal).strip().splitlines()[0][:300]}",
                fix="Call the model once in Python before saving it, and look at the layer named there.",
            ) from refusal
        ops = [
            OpSummary(layer.name, type(layer).__name__, layer_macs(layer, taken, given), _arithmetic(layer))
            for layer, taken, given in calls
        ]
        moved = [
            prod(given) * _BYTES["float32"] for layer, _, given in calls if type(layer).__name__ in ("Permute", "Transpose")
        ]
        return GraphSummary.of(
            ops,
            [()] * len(ops),
            parameters=(model.count_params(), sum(prod(w.shape) * _BYTES.get(str(w.dtype), 1) for w in model.weights)),
            transposes=(len(moved), sum(moved)),
            evidence="file",
        )


def _load(file: Path) -> Any:
    if not file.exists():
        raise MissingFileError(f"{file} does not exist.", fix="Check the path; `ls` its folder.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = require("keras", extra=KerasInspector.extra)
    try:
        return keras.saving.load_model(str(file), compile=False, safe_mode=True)
    except Exception as damage:  # zipfile, json, h5py and Keras each raise classes of their own
        words = str(damage).strip().splitlines() or [type(damage).__name__]
        raise CorruptModelError(
            f"{file.name} cannot be loaded: {words[0][:300]}",
            fix="Save the model again with model.save(), without Lambda layers or custom classes.",
            cause="The file is damaged, or it needs Python code that is not stored in it.",
        ) from damage


def _zeros(model: Any, file: Path) -> Any:
    """Zeros for every input, with a batch of 1 where it is free, in the structure the model takes."""
    import numpy as np

    try:
        inputs = model.inputs
    except (AttributeError, ValueError):
        inputs = None
    if not inputs:
        raise DynamicShapeError(
            f"{file.name} does not say what shape its input has.",
            fix="Give the first layer an Input(shape) and save the model again.",
        )
    feeds = []
    for tensor in inputs:
        if None in tensor.shape[1:]:
            text = ", ".join("?" if size is None else str(size) for size in tensor.shape)
            raise DynamicShapeError(
                f"The input {tensor.name} has the shape [{text}], which is not fixed.",
                fix="Build the model with Input(shape) of fixed sizes, load the weights into it and save it again.",
                cause="Multiply-accumulates depend on the input's size.",
            )
        feeds.append(np.zeros([1 if size is None else size for size in tensor.shape], str(tensor.dtype)))
    return feeds if len(feeds) > 1 else feeds[0]


def _noting(layer: Any, calls: list[tuple[Any, Any, Any]]) -> Callable[..., Any]:
    """A layer's `call` that also notes the shapes of its first inputs and its output."""
    original = layer.call

    def call(*arguments: Any, **named: Any) -> Any:
        given = original(*arguments, **named)
        tensors = [*(arguments[0] if arguments and isinstance(arguments[0], (list, tuple)) else arguments), *named.values()]
        first = given[0] if isinstance(given, (list, tuple)) else given
        shapes = [tuple(tensor.shape) for tensor in tensors if hasattr(tensor, "shape")]
        calls.append((layer, shapes, tuple(getattr(first, "shape", ()))))
        return given

    return call


def _arithmetic(layer: Any) -> str:
    if getattr(layer, "quantization_mode", None) in ("int8", "int4"):
        return "hybrid"
    return _WORDS.get(str(getattr(layer, "compute_dtype", "float32")), "none")
