"""What both converters from Keras share: the loaded model as one traced function with fixed shapes and clean names."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgekit.core.protocols import Work
from edgekit.core.shapes import fixed_inputs
from edgekit.core.tensor import TensorSpec
from edgekit.lazy import require


@dataclass(frozen=True)
class KerasFunction:
    """A Keras model as a function of flat inputs.

    Attributes:
        call: Takes the inputs in order, returns the list of outputs; a Python function TensorFlow can trace.
        signature: `tf.TensorSpec` of each input, static.
        inputs: Names of the inputs, in the model's order.
        outputs: Names of the outputs, in the model's order.
    """

    call: Callable[..., list[Any]]
    signature: list[Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def load_function(work: Work) -> KerasFunction:
    """Loads the model file of `work` for inference.

    Raises:
        DynamicShapeError: An input has a dimension that nobody fixed.
        MissingPackageError: TensorFlow or Keras is not installed.
    """
    specs = fixed_inputs(work)
    # A user's ~/.keras/keras.json may name another backend; only TensorFlow's graphs can be converted here.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    tf = require("tensorflow", extra="keras")
    keras = require("keras", extra="keras")
    model = keras.saving.load_model(work.file, compile=False)

    def call(*feeds: Any) -> list[Any]:
        return list(tf.nest.flatten(model(feeds[0] if len(feeds) == 1 else list(feeds), training=False)))

    return KerasFunction(
        call=call,
        signature=[tf.TensorSpec(spec.shape, spec.dtype.value, name=f"input_{i}") for i, spec in enumerate(specs)],
        inputs=_names(specs),
        outputs=_names(work.outputs),
    )


def _names(specs: tuple[TensorSpec, ...]) -> tuple[str, ...]:
    return tuple(spec.name for spec in specs)
