"""OpenVINO: runs an IR (`.xml` with its `.bin`) with its CPU plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgekit import lazy
from edgekit.core.session import Runtime, Session
from edgekit.core.tensor import TensorSpec
from edgekit.runtimes import specs

_DAMAGED = ("pugi::status_ok", "weights in bin file", "empty weights data", "unable to read the model")


class OpenVINO(Runtime):
    """`openvino.Core` on the CPU plugin with the latency hint, one stream, one request.

    Two defaults of the plugin are changed. It computes in bfloat16 where the CPU can, whatever the file says; edgekit asks
    for float32, so that a proof made on one machine holds on the next. It pins its threads to the first cores; edgekit
    leaves placing them to the operating system, as for every other runtime (docs/explanation/measuring.md).
    """

    name = "openvino"
    formats = ("openvino",)
    packages = ("openvino",)
    extra = "openvino"

    def load_engine(self) -> None:
        lazy.require("openvino", extra=self.extra)

    def open(
        self, file: Path, *, threads: int, outputs: tuple[TensorSpec, ...] = (), inputs: tuple[TensorSpec, ...] = ()
    ) -> Session:
        engine = lazy.require("openvino", extra=self.extra)
        specs.existing(file)
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
        }
        try:
            compiled = engine.Core().compile_model(str(file), "CPU", config)
        except RuntimeError as problem:
            raise specs.refusal("OpenVINO", file, problem, _DAMAGED) from problem
        return _OpenVINOSession(engine, compiled, file, inputs, outputs)


class _OpenVINOSession(Session):
    def __init__(
        self, engine: Any, compiled: Any, file: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self._engine = engine
        self._request = compiled.create_infer_request()
        self._attached: list[Any] | None = None
        found_inputs = [_spec(port, f"input_{i}", file) for i, port in enumerate(compiled.inputs)]
        found_outputs = [_spec(port, f"output_{i}", file) for i, port in enumerate(compiled.outputs)]
        self._input_order = specs.order(found_inputs, inputs)
        self._output_order = specs.order(found_outputs, outputs)
        self.inputs = specs.with_quantization([found_inputs[i] for i in self._input_order], inputs)
        self.outputs = specs.with_quantization([found_outputs[i] for i in self._output_order], outputs)

    def _bind(self, feeds: list[Any]) -> Callable[[], Sequence[Any]]:
        """The feeds are copied into tensors the request owns and the outputs are views of its own tensors.

        This is the plain C++ pattern (set the input tensor once, infer, read the output tensor); passing arrays to
        `infer` makes new tensors in Python on every call, 30 to 45 us of them.
        """
        tensors = [self._engine.Tensor(feed.dtype, feed.shape) for feed in feeds]
        targets = [(tensor.data, feed) for tensor, feed in zip(tensors, feeds, strict=True)]
        infer, places = self._request.infer, self._output_order

        def call() -> Sequence[Any]:
            if self._attached is not tensors:  # another bound call ran in between
                for place, tensor in zip(self._input_order, tensors, strict=True):
                    self._request.set_input_tensor(place, tensor)
                self._attached = tensors
            for target, feed in targets:
                target[...] = feed
            results = list(infer(share_outputs=True).values())
            return [results[place] for place in places]

        return call

    def _close(self) -> None:
        self._request = None


def _spec(port: Any, fallback: str, file: Path) -> TensorSpec:
    """The port's name is the first of its tensor names in alphabetical order, as `get_any_name` gives it."""
    name = port.get_any_name() if port.get_names() else fallback
    shape = port.get_partial_shape()
    return TensorSpec(
        name=name,
        dtype=specs.dtype(str(port.get_element_type().to_dtype()), name, file),
        shape=tuple(size.get_length() if size.is_static else None for size in shape),
    )
