"""Keras on TensorFlow: runs `.keras` files, the float reference that artifacts are compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgekit import errors, lazy
from edgekit.core.session import Runtime, Session
from edgekit.core.tensor import TensorSpec
from edgekit.runtimes import specs


class Keras(Runtime):
    """A Keras model traced into one TensorFlow function, on the CPU."""

    name = "keras"
    formats = ("keras",)
    packages = ("keras", "tensorflow")
    extra = "keras"
    gaps: ClassVar[dict[str, str]] = {
        "thread_change": "never: TensorFlow fixes its thread count at its first operation: one count a process",
    }

    def load_engine(self) -> None:
        # TensorFlow reads these at its import: errors only, and no GPU, because edgekit compares CPU results.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        lazy.require("tensorflow", extra=self.extra)
        lazy.require("keras", extra=self.extra)

    def open(
        self, file: Path, *, threads: int, outputs: tuple[TensorSpec, ...] = (), inputs: tuple[TensorSpec, ...] = ()
    ) -> Session:
        self.load_engine()
        tensorflow = lazy.require("tensorflow", extra=self.extra)
        keras = lazy.require("keras", extra=self.extra)
        specs.existing(file)
        _limit_threads(tensorflow, threads)
        try:
            model = keras.models.load_model(str(file), compile=False, safe_mode=True)
        # Keras raises whatever the part it failed in raises: zipfile, h5py, json or a layer's own constructor.
        except Exception as problem:
            raise specs.refusal("Keras", file, problem, ("not a zip file", "bad magic", "truncated", "bad crc")) from problem
        if not getattr(model, "inputs", None):
            raise errors.InferenceError(
                f"{file} is a subclassed Keras model whose inputs are not known before its first call.",
                fix="Rebuild it with the functional API (keras.Model(inputs, outputs)) and save it again.",
            )
        return _KerasSession(tensorflow, keras.Model(model.inputs, model.outputs), model, file, inputs, outputs)


class _KerasSession(Session):
    def __init__(
        self,
        tensorflow: Any,
        model: Any,
        loaded: Any,
        file: Path,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        found_inputs = [_spec(tensor, tensor.name, file) for tensor in model.inputs]
        names = getattr(loaded, "output_names", None) or [tensor.name for tensor in model.outputs]
        found_outputs = [_spec(tensor, name, file) for tensor, name in zip(model.outputs, names, strict=True)]
        self._input_order = specs.order(found_inputs, inputs)
        self._output_order = specs.order(found_outputs, outputs)
        self.inputs = tuple(found_inputs[i] for i in self._input_order)
        self.outputs = tuple(found_outputs[i] for i in self._output_order)
        self._tensorflow = tensorflow
        self._function = tensorflow.function(lambda *tensors: model(list(tensors), training=False))

    def _bind(self, feeds: list[Any]) -> Callable[[], Sequence[Any]]:
        function, constant, order = self._function, self._tensorflow.constant, self._output_order
        arranged = [feed for _, feed in sorted(zip(self._input_order, feeds, strict=True), key=lambda pair: pair[0])]

        def call() -> Sequence[Any]:
            results = function(*[constant(feed) for feed in arranged])
            found = results if isinstance(results, (list, tuple)) else [results]
            return [found[place].numpy() for place in order]

        return call


def _limit_threads(tensorflow: Any, threads: int) -> None:
    config = tensorflow.config
    try:
        config.set_visible_devices([], "GPU")
        config.threading.set_intra_op_parallelism_threads(threads)
        config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        running = config.threading.get_intra_op_parallelism_threads() or os.cpu_count()  # 0 means all cores
        if running != threads:
            raise errors.InferenceError(
                f"TensorFlow already runs in this process and cannot change to {threads} threads.",
                fix="Open the model in a fresh process, as the agent does.",
            ) from None


def _spec(tensor: Any, name: str, file: Path) -> TensorSpec:
    return TensorSpec(name=name, dtype=specs.dtype(str(tensor.dtype), name, file), shape=tuple(tensor.shape))
