"""Names that depend on the graph alone: tf2onnx takes some from addresses and counters of its process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_COUNTED = re.compile(r"__(\d+)")
"""tf2onnx ends the names it makes up with a number that it counts up for as long as its process lives."""


def settle_names(model: Any) -> None:
    """Gives the same graph the same bytes: constants are named and ordered by their first user, counters start at 0.

    The names of the model's inputs and outputs, and those that users gave their layers, stay.
    """
    graph = model.graph
    graph.doc_string = ""
    kept = {end.name for end in (*graph.input, *graph.output)}
    nodes = list(_nodes(graph))
    _name_constants(graph, nodes, kept)
    numbers: dict[str, str] = {}

    def settled(name: str) -> str:
        return _COUNTED.sub(lambda found: f"__{numbers.setdefault(found[1], str(len(numbers)))}", name)

    for node in nodes:
        node.name = settled(node.name)
        node.doc_string = ""
        node.input[:] = [name if name in kept else settled(name) for name in node.input]
        node.output[:] = [name if name in kept else settled(name) for name in node.output]
    for each in (graph, *(inner for node in nodes for inner in _graphs(node))):
        for value in (*each.input, *each.output, *each.value_info, *each.initializer):
            value.name = value.name if value.name in kept else settled(value.name)
        each.name = settled(each.name)


def _name_constants(graph: Any, nodes: list[Any], kept: set[str]) -> None:
    constants = {item.name: item for item in graph.initializer if item.name not in kept}
    renamed: dict[str, str] = {}
    for node in nodes:
        for place, name in enumerate(node.input):
            if name in constants:
                renamed.setdefault(name, f"{node.name or node.output[0]}/constant_{place}")
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    order = [constants[name] for name in renamed]
    for old, new in renamed.items():
        constants[old].name = new
    rest = [item for item in graph.initializer if item.name not in renamed.values()]
    ordered = [type(item).FromString(item.SerializeToString()) for item in (*order, *rest)]
    del graph.initializer[:]
    graph.initializer.extend(ordered)


def _nodes(graph: Any) -> Iterator[Any]:
    """Every operator, each followed by those of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in _graphs(node):
            yield from _nodes(inner)


def _graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        yield from (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs)
