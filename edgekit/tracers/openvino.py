"""The OpenVINO tracer: its CPU plugin with a result added behind every operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import TracedTensor
from edgekit.core.target import ModelFormat
from edgekit.errors import InferenceError
from edgekit.lazy import require

_ENDS = ("Parameter", "Constant", "Result")
_FLOATS = ("f32", "f16", "f64", "bf16")


class OpenVINOTracer:
    """Runs an IR in float32 arithmetic; integers are seen behind the FakeQuantize that stands for them."""

    name: ClassVar[str] = "openvino"
    format: ClassVar[ModelFormat] = ModelFormat.OPENVINO
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    extra: ClassVar[str] = "openvino"

    def trace(self, file: Path, samples: Iterable[Mapping[str, Any]]) -> Iterator[list[TracedTensor]]:
        """Every float operator's outputs.

        Raises:
            InferenceError: OpenVINO refuses the model.
        """
        openvino = require("openvino", extra=self.extra)
        try:
            core = openvino.Core()
            model = core.read_model(str(file))
            model.add_outputs(_hidden(model))
            sources = _sources(model)
            order = {node.get_friendly_name(): place for place, node in enumerate(model.get_ordered_ops())}
            request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
            names = [port.get_any_name() if port.get_names() else f"input_{i}" for i, port in enumerate(model.inputs)]
            for sample in samples:
                request.infer([sample[name] for name in names])
                rows = [
                    (order[port.get_node().get_friendly_name()], _traced(port, request.get_output_tensor(place).data))
                    for place, port in sources.items()
                ]
                yield [tensor for _, tensor in sorted(rows, key=lambda row: row[0])]
        except (RuntimeError, KeyError) as problem:
            words = str(problem).strip().splitlines() or ["it gave no reason"]
            raise InferenceError(
                f"OpenVINO could not run {file.name} tensor by tensor: {words[-1][:300]}",
                fix="Check the file with `edgekit inspect`.",
            ) from problem


def _hidden(model: Any) -> list[Any]:
    """The ports that depend on the inputs, hold floats and are no output yet."""
    constant: set[str] = set()
    found = []
    for node in model.get_ordered_ops():
        kind, name = node.get_type_name(), node.get_friendly_name()
        sources = [value.get_node().get_friendly_name() for value in node.input_values()]
        if kind == "Constant" or (sources and all(source in constant for source in sources)):
            constant.add(name)
        elif kind not in _ENDS:
            found += [
                port
                for port in node.outputs()
                if port.get_element_type().get_type_name() in _FLOATS
                and not any(user.get_node().get_type_name() == "Result" for user in port.get_target_inputs())
            ]
    return found


def _sources(model: Any) -> dict[int, Any]:
    """Place of each output to the port that feeds it; an output port that nothing computes is left out."""
    ports = {place: result.input_value(0) for place, result in enumerate(model.get_results())}
    return {place: port for place, port in ports.items() if port.get_node().get_type_name() not in _ENDS}


def _traced(port: Any, values: Any) -> TracedTensor:
    node = port.get_node()
    names = sorted(port.get_names())
    own = node.get_friendly_name() if port.get_index() == 0 else f"{node.get_friendly_name()}:{port.get_index()}"
    return TracedTensor(names[0] if names else own, node.get_type_name(), values)
