"""The OpenVINO inspector: compiles the model for the CPU and reads the graph that OpenVINO executes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.graph import FLOAT_KINDS, GraphSummary, OpSummary
from edgekit.core.target import ModelFormat
from edgekit.errors import CorruptModelError, DynamicShapeError, InferenceError, MissingFileError
from edgekit.inspectors._openvino_file import count_parameters, file_macs
from edgekit.lazy import require

_FLOATS = {"f32": "float", "f64": "float", "f16": "float16", "bf16": "bfloat16"}
_KERNELS = {**_FLOATS, "i8": "int", "u8": "int"}
"""Last part of a kernel's name (`brgconv_avx512_I8`, in either case): the precision it multiplies in."""
_INTEGERS = ("u8", "i8", "u16", "i16", "u4", "i4")
_SILENT = ("Const", "Input", "Output")
_CONVERSIONS = ("Reorder", "Convert", "FakeQuantize")
_RECURRENT = ("RNNSeq", "RNNCell")
_MATRIX = ("Convolution", "Deconvolution", "FullyConnected", "MatMul", "ScaledDotProductAttention", *_RECURRENT)
_UNSEEN = "(not in the executed graph)"


@dataclass(frozen=True)
class _Layer:
    """One node of the executed graph, with its kernel (brgconv_avx512_I8), output type (u8) and layout (acdb)."""

    name: str
    kind: str
    kernel: str
    output: str
    layout: str
    shape: tuple[int, ...]
    originals: tuple[str, ...]
    inputs: tuple[int, ...]
    """Indices of the layers it reads, constants among them."""


class OpenVINOInspector:
    """Reads an .xml file (with its .bin), and the graph that OpenVINO's CPU plugin makes of it on this machine.

    The runtime model of the compiled network says for each executed layer its kernel and shapes. A layer with a matrix
    product computes in what its kernel is named for (not in `runtimePrecision`, which is f16 for float16 weights that
    are multiplied in float32); any other is judged by the data it reads and writes. Multiply-accumulates that the file
    has and no executed layer shows (the body of a loop) become an entry of their own, neither integer nor hybrid.
    Activations of a weight-only int8 product may be quantized at run time: the plugin does not say so, and it is reported
    as float. How parameters are counted is said in `count_parameters`.
    """

    name: ClassVar[str] = "openvino"
    format: ClassVar[ModelFormat] = ModelFormat.OPENVINO
    extra: ClassVar[str] = "openvino"

    def inspect(self, file: Path) -> GraphSummary:
        """The summary of an OpenVINO model, from the graph that the CPU plugin executes.

        Raises:
            MissingFileError: The .xml or its .bin is not there.
            CorruptModelError: One of them is damaged.
            DynamicShapeError: An input has an axis, other than the batch axis, that is not fixed.
            InferenceError: OpenVINO refuses the model.
            MissingPackageError: openvino is not installed.
        """
        engine = require("openvino", extra=self.extra)
        core = engine.Core()
        model = _read(core, file)
        _fix_batch(model)
        parameters = count_parameters(model)
        total = file_macs(model)
        # Float layers in float32, as edgekit's runtime has them: on a CPU with bfloat16 the default would be bfloat16.
        config = {"INFERENCE_PRECISION_HINT": "f32"}
        try:
            layers = _layers(core.compile_model(model, "CPU", config).get_runtime_model())
        except RuntimeError as refusal:
            raise InferenceError(
                f"OpenVINO does not compile {file.name}: {str(refusal).strip().splitlines()[-1][:300]}",
                fix="Convert it again with this version of OpenVINO, or compare with another target of the same model.",
            ) from refusal
        kinds = {op.get_friendly_name(): op.get_type_name() for op in model.get_ops()}
        return _summary(layers, kinds, parameters, total)


def _read(core: Any, file: Path) -> Any:
    weights = file.with_suffix(".bin")
    for needed in (file, weights):
        if not needed.exists():
            raise MissingFileError(
                f"{needed.name} does not exist beside {file.name}.",
                fix="An OpenVINO model is two files, .xml and .bin, in one folder: copy both.",
            )
    try:
        return core.read_model(str(file), str(weights))
    except RuntimeError as damage:
        raise CorruptModelError(
            f"{file.name} is damaged: {str(damage).strip().splitlines()[-1][:300]}",
            fix="Copy or download both files (.xml and .bin) again, or convert the model again.",
        ) from damage


def _fix_batch(model: Any) -> None:
    shapes = {}
    for port in model.inputs:
        shape = port.get_partial_shape()
        sizes = [axis.get_length() if axis.is_static else -1 for axis in shape] if shape.rank.is_static else [-1, -1]
        if -1 in sizes[1:]:
            raise DynamicShapeError(
                f"The input {port.get_any_name()} has the shape {shape}, which is not fixed.",
                fix="Convert it with a fixed shape: ovc MODEL --input '[1,224,224,3]'.",
                cause="Multiply-accumulates depend on the input's size.",
            )
        shapes[port] = [1, *sizes[1:]] if sizes[:1] == [-1] else sizes
    if model.is_dynamic():
        model.reshape(shapes)


def _layers(runtime: Any) -> list[_Layer]:
    nodes = runtime.get_ordered_ops()
    order = {node.get_friendly_name(): index for index, node in enumerate(nodes)}
    return [_layer(node, order) for node in nodes]


def _layer(node: Any, order: dict[str, int]) -> _Layer:
    facts = node.get_rt_info()
    shape = node.get_output_partial_shape(0) if node.get_output_size() else None
    return _Layer(
        name=node.get_friendly_name(),
        kind=facts["layerType"].value,
        kernel=facts["primitiveType"].value,
        output=facts["outputPrecisions"].value.partition(",")[0],
        layout=facts["outputLayouts"].value.partition(",")[0],
        shape=tuple(shape.to_shape()) if shape is not None and shape.is_static else (),
        originals=tuple(name for name in facts["originalLayersNames"].value.split(",") if name),
        inputs=tuple(order[port.get_source_output().get_node().get_friendly_name()] for port in node.inputs()),
    )


def _summary(layers: list[_Layer], kinds: dict[str, str], parameters: tuple[int, int], total: int) -> GraphSummary:
    shown = [index for index, layer in enumerate(layers) if layer.kind not in _SILENT]
    place = {index: position for position, index in enumerate(shown)}
    ops = [
        OpSummary(layer.name, layer.kind, _macs(layer, layers), _arithmetic(layer, layers, kinds))
        for layer in (layers[index] for index in shown)
    ]
    producers = [{place[i] for i in layers[index].inputs if i in place} for index in shown]
    unseen = total - sum(op.macs for op in ops)
    if unseen > 0:
        ops.append(OpSummary(_UNSEEN, "Loop", unseen, "none"))
        producers.append(set())
    moved = [layers[index] for index in shown if _moves(layers[index], layers)]
    return GraphSummary.of(
        ops,
        producers,
        parameters=parameters,
        transposes=(len(moved), sum(prod(layer.shape) * _width(layer.output) for layer in moved)),
        evidence="runtime",
    )


def _macs(layer: _Layer, layers: Sequence[_Layer]) -> int:
    if layer.kind not in _MATRIX:
        return 0
    shapes = [layers[index].shape for index in layer.inputs]
    out, data = layer.shape, shapes[0]
    if layer.kind in ("Convolution", "Deconvolution"):
        # Weights [out, in, ...] (deconvolution [in, out, ...]), or with a leading axis of groups.
        inner = prod(shapes[1][2 if len(shapes[1]) > len(data) else 1 :])
        return prod(data if layer.kind == "Deconvolution" else out) * inner
    if layer.kind == "FullyConnected":
        return prod(out) * data[-1]
    if layer.kind == "MatMul":
        # Either side may be transposed: |a| |b| / |out| is inner length squared, for each matrix of the batch.
        return prod(out) * (isqrt(prod(data[-2:]) * prod(shapes[1][-2:]) // prod(out[-2:])) if len(out) > 1 else data[-1])
    if layer.kind in _RECURRENT:  # every weight matrix meets every vector of the sequence once
        matrices = [layers[i].shape for i in layer.inputs[1:] if layers[i].kind == "Const" and len(layers[i].shape) > 1]
        return prod(data[:-1]) * sum(prod(shape) for shape in matrices if min(shape[-2:]) > 1)
    return prod(out[:-1]) * shapes[1][-2] * (data[-1] + out[-1])  # scaled dot product attention: q k, then (q k) v


def _arithmetic(layer: _Layer, layers: Sequence[_Layer], kinds: dict[str, str]) -> str:
    computes = _KERNELS.get(layer.kernel.rpartition("_")[2].lower(), "none")
    if layer.kind in _MATRIX:
        return computes
    if layer.kind in _CONVERSIONS:
        return "none"
    read = {layers[index].output for index in layer.inputs if layers[index].kind != "Const"}
    data = {*read, layer.output}
    if data <= set(_INTEGERS):
        return "int"
    if not data & set(_FLOATS):
        return "none"
    quantizes = bool(layer.originals) and all(kinds.get(name) == "FakeQuantize" for name in layer.originals)
    return "none" if quantizes and data & set(_INTEGERS) else computes if computes in FLOAT_KINDS else "float"


def _moves(layer: _Layer, layers: Sequence[_Layer]) -> bool:
    """Whether a layer rewrites its input in another order; the plugin's `_fake` reorders only rename the axes."""
    if layer.kind == "Transpose":
        return True
    source = layers[layer.inputs[0]] if layer.inputs else layer
    return layer.kind == "Reorder" and layer.layout != source.layout and not layer.name.endswith("_fake")


def _width(precision: str) -> int:
    return max(1, int("".join(c for c in precision if c.isdigit()) or 8) // 8)
