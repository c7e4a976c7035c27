"""The parts of a TFLite flatbuffer that an inspector looks at, as plain values."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import Any


@dataclass(frozen=True)
class Tensor:
    """One tensor; `scalar` is the value of a constant of a single int32."""

    name: str
    kind: str
    shape: tuple[int, ...]
    buffer: int
    stored_bytes: int
    scaled: bool
    scalar: int | None

    @property
    def constant(self) -> bool:
        """Whether its value is stored in the file."""
        return self.stored_bytes > 0

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Node:
    """One operator; an input of -1 is optional and left out, `loop` names a WHILE's condition and body subgraphs."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    loop: tuple[int, int] | None


@dataclass(frozen=True)
class Graph:
    """One subgraph; operators are in execution order."""

    tensors: list[Tensor]
    nodes: list[Node]


def read_graphs(schema: Any, data: bytes) -> list[Graph]:
    """Every subgraph of a model.

    Args:
        schema: The module `ai_edge_litert.schema_py_generated`.
        data: The whole file.

    Raises:
        IndexError: Something in the file points outside of it; flatbuffers raises struct.error and others besides.
    """
    model = schema.Model.GetRootAs(data, 0)
    graphs = [_graph(schema, model, model.Subgraphs(i), len(data)) for i in range(model.SubgraphsLength())]
    for graph in graphs:
        used = [index for node in graph.nodes for index in (*node.inputs, *node.outputs)]
        if any(index >= len(graph.tensors) for index in used):
            raise IndexError("an operator names a tensor that is not there")
    return graphs


def _graph(schema: Any, model: Any, graph: Any, file_bytes: int) -> Graph:
    kinds = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    builtins = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    tensors = [_tensor(model, graph.Tensors(i), kinds, file_bytes) for i in range(graph.TensorsLength())]
    nodes = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        # Files older than schema 3a keep the code in the deprecated byte (tensorflow/lite/schema/schema_utils.cc).
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        inputs = tuple(operator.Inputs(i) for i in range(operator.InputsLength()))
        outputs = tuple(operator.Outputs(i) for i in range(operator.OutputsLength()))
        nodes.append(Node(builtins.get(number, f"BUILTIN_{number}"), inputs, outputs, _loop(schema, operator)))
    return Graph(tensors, nodes)


def _loop(schema: Any, operator: Any) -> tuple[int, int] | None:
    if operator.BuiltinOptionsType() != schema.BuiltinOptions.WhileOptions:
        return None
    table = operator.BuiltinOptions()
    options = schema.WhileOptions()
    options.Init(table.Bytes, table.Pos)
    return options.CondSubgraphIndex(), options.BodySubgraphIndex()


def _tensor(model: Any, tensor: Any, kinds: dict[int, str], file_bytes: int) -> Tensor:
    buffer = model.Buffers(tensor.Buffer())
    stored = buffer.DataLength() or buffer.Size()
    if stored > file_bytes:
        raise IndexError("a weight is larger than the file")
    quantization = tensor.Quantization()
    kind = kinds[tensor.Type()]
    single = kind == "INT32" and buffer.DataLength() == struct.calcsize("<i")
    return Tensor(
        name=(tensor.Name() or b"").decode(errors="replace").partition(";")[0],
        kind=kind,
        shape=tuple(tensor.Shape(i) for i in range(tensor.ShapeLength())),
        buffer=tensor.Buffer(),
        stored_bytes=stored,
        scaled=quantization is not None and quantization.ScaleLength() > 0,
        scalar=struct.unpack("<i", bytes(buffer.Data(i) for i in range(4)))[0] if single else None,
    )
