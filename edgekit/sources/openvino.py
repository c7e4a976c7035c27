"""OpenVINO IR: an XML file with the graph and a `.bin` beside it with the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import ModelFacts
from edgekit.core.target import ModelFormat, Precision
from edgekit.core.tensor import DType, TensorSpec
from edgekit.errors import CorruptModelError, MissingFileError, UnsupportedModelError
from edgekit.lazy import require

_HEAD_BYTES = 4096


class OpenVINOSource:
    """Reads an `.xml` file and its `.bin`."""

    name: ClassVar[str] = "openvino"
    format: ClassVar[ModelFormat] = ModelFormat.OPENVINO
    suffixes: ClassVar[tuple[str, ...]] = (".xml",)
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    extra: ClassVar[str] = "openvino"

    def sniff(self, file: Path) -> bool:
        with file.open("rb") as stream:
            return b"<net " in stream.read(_HEAD_BYTES)

    def read(self, file: Path) -> ModelFacts:
        """Lets OpenVINO read the graph.

        Raises:
            CorruptModelError: OpenVINO refuses it, or the weights do not reach as far as the graph says.
            MissingFileError: The `.bin` is not there.
            UnsupportedModelError: An input or output has a type that has no place here.
            MissingPackageError: OpenVINO is not installed.
        """
        openvino = require("openvino", extra="openvino")
        weights = file.with_suffix(".bin")
        if not weights.is_file():
            raise MissingFileError(
                f"{weights} is missing.", fix=f"Copy it beside {file.name}: the .xml holds the graph, the .bin the weights."
            )
        try:
            model = openvino.Core().read_model(file, weights)
        except RuntimeError as error:
            raise CorruptModelError(
                f"{file} is damaged or does not belong to {weights.name}: {_reason(str(error))}",
                fix="Copy both files again, or convert the model again.",
                cause="One of the two was cut off or changed, or comes from another conversion.",
            ) from error
        return ModelFacts(
            format=ModelFormat.OPENVINO,
            files=(file.name, weights.name),
            inputs=tuple(_spec(port, f"input_{i}") for i, port in enumerate(model.inputs)),
            outputs=tuple(_spec(port, f"output_{i}") for i, port in enumerate(model.outputs)),
            precision=_precision(model),
        )


def _reason(text: str) -> str:
    """OpenVINO's last line says what; the ones before it say in which source file."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("Exception", "Check"))]
    return lines[-1][:200] if lines else "no reason given"


def _spec(port: Any, name: str) -> TensorSpec:
    named = port.get_any_name() if port.get_names() else name
    dtype = str(port.element_type.to_dtype())
    if dtype not in set(DType):
        raise UnsupportedModelError(
            f"{named} is of type {dtype}.",
            fix=f"Move that step out of the model; inputs and outputs can be {', '.join(DType)}.",
        )
    shape = tuple(None if dim.is_dynamic else int(dim.get_length()) for dim in port.partial_shape)
    return TensorSpec(name=named, dtype=DType(dtype), shape=shape)


def _precision(model: Any) -> Precision:
    """FakeQuantize on activations means static int8; int8 weights alone are quantized at run time or decompressed."""
    stored, quantizes = set(), False
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind == "Constant" and len(node.get_output_shape(0)) > 1:
            stored.add(node.get_output_element_type(0).get_type_name())
        quantizes = quantizes or (kind == "FakeQuantize" and node.input_value(0).get_node().get_type_name() != "Constant")
    if quantizes:
        return Precision.INT8
    if stored & {"i8", "u8"}:
        return Precision.INT8_DYNAMIC
    return Precision.FP16 if "f16" in stored else Precision.FP32
