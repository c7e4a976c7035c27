"""Small repairs and checks of an ONNX graph that a converter just wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgekit.errors import ConversionError
from edgekit.lazy import require

_TO_LAST = [0, 2, 3, 1]
"""The permutation NCHW -> NHWC."""


def rename_interface(graph: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Gives the graph's inputs and outputs, in their order, the names a user knows."""
    ends = [*graph.input, *graph.output]
    renamed = {end.name: name for end, name in zip(ends, (*inputs, *outputs), strict=True)}
    inner = {name for node in graph.node for name in (*node.input, *node.output)} - renamed.keys()
    for clash in inner.intersection(renamed.values()):
        renamed[clash] = f"{clash}/inner"
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for value in (*ends, *graph.value_info, *graph.initializer):
        value.name = renamed.get(value.name, value.name)


def pool_without_transpose(graph: Any) -> None:
    """Turns Transpose(NCHW -> NHWC) + ReduceMean(h, w) into GlobalAveragePool + Flatten: the same numbers.

    tf2onnx leaves this pair behind for every global average pooling; it moves the whole tensor, and ONNX Runtime's
    quantizer has no integer form of ReduceMean.
    """
    helper = require("onnx.helper", extra="onnx")
    constants = {item.name: item for item in graph.initializer}
    users: dict[str, int] = {}
    for name in [name for node in graph.node for name in node.input] + [end.name for end in graph.output]:
        users[name] = users.get(name, 0) + 1
    made_by = {output: node for node in graph.node for output in node.output}
    for mean in list(graph.node):
        turn = made_by.get(mean.input[0]) if mean.op_type == "ReduceMean" else None
        if (
            turn is None
            or turn.op_type != "Transpose"
            or users[turn.output[0]] != 1
            or not _means_over_image(turn, mean, constants)
        ):
            continue
        pooled = f"{mean.output[0]}/pooled"
        place = list(graph.node).index(mean)
        pool = helper.make_node("GlobalAveragePool", [turn.input[0]], [pooled], name=f"{mean.name}/pool")
        flat = helper.make_node("Flatten", [pooled], [mean.output[0]], name=f"{mean.name}/flatten", axis=1)
        graph.node.remove(mean)
        graph.node.insert(place, flat)
        graph.node.insert(place, pool)
        graph.node.remove(turn)
    used = {name for node in graph.node for name in node.input}
    for item in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(item)


def spell_out_erfc(graph: Any) -> None:
    """Writes erfc(x) as 1 - erf(x), its definition: Keras's exact GELU holds it and ONNX has no such operator."""
    helper = require("onnx.helper", extra="onnx")
    for node in [node for node in graph.node if node.op_type == "Erfc"]:
        inner, one = f"{node.output[0]}/erf", f"{node.output[0]}/one"
        place = list(graph.node).index(node)
        graph.node.remove(node)
        graph.node.insert(place, helper.make_node("Sub", [one, inner], list(node.output), name=f"{node.name}/sub"))
        graph.node.insert(place, helper.make_node("Erf", [node.input[0]], [inner], name=f"{node.name}/erf"))
        graph.initializer.append(helper.make_tensor(one, 1, [], [1.0]))


def check_operators(model: Any) -> None:
    """Looks every operator up in the standard it claims to follow.

    Raises:
        ConversionError: An operator does not exist there; no runtime would load the file.
    """
    defs = require("onnx.defs", extra="onnx")
    versions = {entry.domain: entry.version for entry in model.opset_import}
    standard = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml"}
    for node in _nodes(model.graph):
        if node.domain not in standard:
            continue
        if not _exists(defs, node.op_type, standard[node.domain], versions.get(node.domain, versions.get("", 1))):
            raise ConversionError(
                f"The converted graph holds {node.op_type}, which is no ONNX operator, so no runtime could load it.",
                fix="Replace the layer behind it, or convert to tflite, which has more of TensorFlow's operations.",
                cause="tf2onnx passes on TensorFlow operations it has no translation for.",
            )


def _exists(defs: Any, kind: str, domain: str, version: int) -> bool:
    try:
        defs.get_schema(kind, version, domain)
    except Exception:  # onnx.defs.SchemaError, which onnx does not export under one name in all versions
        return False
    return True


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner)


def _means_over_image(turn: Any, mean: Any, constants: dict[str, Any]) -> bool:
    helper = require("onnx.helper", extra="onnx")
    numpy_helper = require("onnx.numpy_helper", extra="onnx")
    turned = {attribute.name: helper.get_attribute_value(attribute) for attribute in turn.attribute}
    meant = {attribute.name: helper.get_attribute_value(attribute) for attribute in mean.attribute}
    axes = meant.get("axes")
    if axes is None and len(mean.input) > 1 and mean.input[1] in constants:
        axes = numpy_helper.to_array(constants[mean.input[1]]).tolist()
    return list(turned.get("perm", [])) == _TO_LAST and axes in ([1, 2], [-3, -2]) and meant.get("keepdims", 1) == 0
