"""LiteRT (formerly TensorFlow Lite): runs `.tflite` files on the CPU with the XNNPACK delegate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgekit import errors, lazy
from edgekit.core.session import Runtime, Session
from edgekit.core.tensor import Quantization, TensorSpec
from edgekit.runtimes import specs


class LiteRT(Runtime):
    """The `ai_edge_litert` interpreter; names, scales and zero points come from the file."""

    name = "litert"
    formats = ("tflite",)
    packages = ("ai-edge-litert",)
    extra = "litert"

    def load_engine(self) -> None:
        lazy.require("ai_edge_litert.interpreter", extra=self.extra)

    def open(
        self, file: Path, *, threads: int, outputs: tuple[TensorSpec, ...] = (), inputs: tuple[TensorSpec, ...] = ()
    ) -> Session:
        engine = lazy.require("ai_edge_litert.interpreter", extra=self.extra)
        specs.existing(file)
        try:
            interpreter = engine.Interpreter(model_path=str(file), num_threads=threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as problem:
            raise specs.refusal("LiteRT", file, problem, ("not a valid flatbuffer", "model identifier")) from problem
        return _LiteRTSession(interpreter, file, inputs, outputs)


class _LiteRTSession(Session):
    def __init__(
        self, interpreter: Any, file: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self._interpreter = interpreter
        self._file = file
        self._shapes: list[Any] = []
        names = _signature_names(interpreter)
        sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
        found_inputs = [_spec(detail, names, file) for detail in sources]
        found_outputs = [_spec(detail, names, file) for detail in targets]
        input_order = specs.order(found_inputs, inputs)
        output_order = specs.order(found_outputs, outputs)
        self.inputs = tuple(found_inputs[i] for i in input_order)
        self.outputs = tuple(found_outputs[i] for i in output_order)
        self._input_indices = [sources[i]["index"] for i in input_order]
        self._output_indices = [targets[i]["index"] for i in output_order]

    def _bind(self, feeds: list[Any]) -> Callable[[], Sequence[Any]]:
        if not all(spec.is_static for spec in self.inputs):
            return self._bind_open_shape(feeds)
        set_tensor, invoke, get_tensor = (
            self._interpreter.set_tensor,
            self._interpreter.invoke,
            self._interpreter.get_tensor,
        )
        pairs = list(zip(self._input_indices, feeds, strict=True))
        indices = self._output_indices
        if len(pairs) == 1 and len(indices) == 1:
            (source, feed), target = pairs[0], indices[0]

            def call_single() -> Sequence[Any]:
                set_tensor(source, feed)
                invoke()
                return (get_tensor(target),)

            return call_single

        def call() -> Sequence[Any]:
            for index, array in pairs:
                set_tensor(index, array)
            invoke()
            return [get_tensor(index) for index in indices]

        return call

    def _bind_open_shape(self, feeds: list[Any]) -> Callable[[], Sequence[Any]]:
        """A model with open dimensions gets the feeds' sizes again when another bound call changed them."""

        def call() -> Sequence[Any]:
            self._resize(feeds)
            for index, feed in zip(self._input_indices, feeds, strict=True):
                self._interpreter.set_tensor(index, feed)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._output_indices]

        self._resize(feeds)
        return call

    def _resize(self, feeds: list[Any]) -> None:
        shapes = [feed.shape for feed in feeds]
        if shapes == self._shapes:
            return
        try:
            for index, shape in zip(self._input_indices, shapes, strict=True):
                self._interpreter.resize_tensor_input(index, shape)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as problem:
            raise specs.refusal("LiteRT", self._file, problem, ()) from problem
        self._shapes = shapes


def _signature_names(interpreter: Any) -> dict[int, str]:
    """Tensor index to its name in the file's SignatureDef: `image`, where the tensor is `serving_default_image:0`.

    A file with several signatures has several entry points; the interpreter runs the primary subgraph, and only a single
    signature is sure to describe that one.
    """
    if len(interpreter.get_signature_list()) != 1:
        return {}
    runner = interpreter.get_signature_runner()
    ends = {**runner.get_input_details(), **runner.get_output_details()}
    return {detail["index"]: name for name, detail in ends.items()}


def _spec(detail: dict[str, Any], names: dict[int, str], file: Path) -> TensorSpec:
    name = names.get(detail["index"], detail["name"])
    signature = detail["shape_signature"] if len(detail["shape_signature"]) else detail["shape"]
    parameters = detail["quantization_parameters"]
    quantization = None
    if len(parameters["scales"]):
        if len(parameters["scales"]) > 1:
            raise errors.InferenceError(
                f"{file.name}: {name} is quantized per channel, which no runtime feeds from outside.",
                fix="Quantize inputs and outputs per tensor.",
            )
        quantization = Quantization(scale=(float(parameters["scales"][0]),), zero_point=(int(parameters["zero_points"][0]),))
    return TensorSpec(
        name=name,
        dtype=specs.dtype(detail["dtype"].__name__, name, file),
        shape=tuple(None if size < 0 else int(size) for size in signature),
        quantization=quantization,
    )
