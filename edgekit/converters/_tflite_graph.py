"""A TFLite graph that a converter just wrote: checked, made fit to quantize, its ends as the source model has them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from edgekit.core.tensor import TensorSpec
from edgekit.errors import ConversionError
from edgekit.lazy import require

SIGNATURE = "serving_default"
"""The one signature of the file; ai-edge-quantizer finds inputs and outputs by it."""

INPUT, OUTPUT = "edgekit_input_", "edgekit_output_"
"""What the ends are called, with a number behind, while the converter has them; no model's own name is likely to clash."""


@dataclass(frozen=True)
class Ends:
    """What the graph's inputs and outputs must be.

    Attributes:
        inputs: The inputs, with fixed shapes.
        outputs: The outputs.
        shapes: The shape of each output; None where it is not known.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    shapes: tuple[tuple[int, ...] | None, ...]


def finish_graph(content: bytes, ends: Ends, fix: str) -> tuple[bytes, tuple[str, ...]]:
    """The graph with its ends `INPUT<i>` and `OUTPUT<i>` named, ordered and shaped as `ends`, and notes on it.

    Raises:
        ConversionError: It holds operators that no runtime has, or an end is not what it must be.
    """
    schema = require("ai_edge_litert.schema_py_generated", extra="litert")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    _refuse_custom(model, fix)
    _dense_for_matmul(schema, model)
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    signature.signatureKey = SIGNATURE
    by_name = {_text(tensor.name): index for index, tensor in enumerate(graph.tensors)}
    graph.inputs = [_found(by_name, f"{INPUT}{i}", spec, fix) for i, spec in enumerate(ends.inputs)]
    graph.outputs = [_found(by_name, f"{OUTPUT}{i}", spec, fix) for i, spec in enumerate(ends.outputs)]
    for index, shape in zip(graph.outputs, ends.shapes, strict=True):
        _reshape(schema, model, index, shape)
    for index, spec in zip(graph.inputs, ends.inputs, strict=True):
        _check(schema, graph.tensors[index], spec, spec.shape, fix)
    for index, spec, shape in zip(graph.outputs, ends.outputs, ends.shapes, strict=True):
        _check(schema, graph.tensors[index], spec, shape, fix)
    signature.inputs = _named(schema, graph, graph.inputs, ends.inputs)
    signature.outputs = _named(schema, graph, graph.outputs, ends.outputs)
    builder = require("flatbuffers", extra="litert").Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), _notes(schema, model)


def _refuse_custom(model: Any, fix: str) -> None:
    custom = sorted({_text(code.customCode) for code in model.operatorCodes if code.customCode})
    if custom:
        raise ConversionError(
            f"The converted graph holds {', '.join(custom)}, which no TFLite runtime has.",
            fix=fix,
            cause="The converter writes an operator of its own where TFLite has none.",
        )


def _found(by_name: dict[str, int], name: str, spec: TensorSpec, fix: str) -> int:
    if name not in by_name:
        raise ConversionError(f"The converted graph has lost {spec}.", fix=fix)
    return by_name[name]


def _dense_for_matmul(schema: Any, model: Any) -> None:
    """Turns BATCH_MATMUL with a constant matrix into FULLY_CONNECTED: the same numbers.

    ai-edge-quantizer 0.10 makes an int8 BATCH_MATMUL of it whose outputs are all zero.
    """
    graph = model.subgraphs[0]
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    used = [index for operator in graph.operators for index in operator.inputs]
    buffers = [tensor.buffer for tensor in graph.tensors]
    for operator in graph.operators:
        if kinds[operator.opcodeIndex] != schema.BuiltinOperator.BATCH_MATMUL:
            continue
        index = int(operator.inputs[1])
        matrix, options = graph.tensors[index], operator.builtinOptions
        alone = used.count(index) == 1 and buffers.count(matrix.buffer) == 1
        if not _is_matrix(schema, model, matrix) or not alone or (options and options.adjX):
            continue
        if not (options and options.adjY):
            _turn(model, matrix)
        operator.opcodeIndex = _opcode(schema, model, schema.BuiltinOperator.FULLY_CONNECTED, version=5)
        operator.inputs = [operator.inputs[0], index, -1]
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        operator.builtinOptions = schema.FullyConnectedOptionsT()
        operator.builtinOptions.keepNumDims = True


def _is_matrix(schema: Any, model: Any, tensor: Any) -> bool:
    held = model.buffers[tensor.buffer].data
    return tensor.type == schema.TensorType.FLOAT32 and len(tensor.shape) == 2 and held is not None and len(held) > 0


def _turn(model: Any, matrix: Any) -> None:
    """Transposes a constant `float32[k, n]` to `float32[n, k]`."""
    numpy = require("numpy", extra="litert")
    buffer = model.buffers[matrix.buffer]
    values = numpy.frombuffer(bytes(buffer.data), numpy.float32).reshape(tuple(matrix.shape))
    buffer.data = numpy.frombuffer(numpy.ascontiguousarray(values.T).tobytes(), numpy.uint8)
    matrix.shape, matrix.shapeSignature = [int(size) for size in values.T.shape], None


def _reshape(schema: Any, model: Any, index: int, shape: tuple[int, ...] | None) -> None:
    """Gives an output that leaves as a row its own shape, in the RESHAPE that makes the row or in one behind it."""
    graph = model.subgraphs[0]
    tensor = graph.tensors[index]
    if shape is None or tuple(tensor.shape) == shape or math.prod(tensor.shape) != math.prod(shape):
        return
    row = schema.TensorT()
    row.name, row.type, row.shape, row.buffer = f"{_text(tensor.name)}/row", tensor.type, tensor.shape, 0
    graph.tensors.append(row)
    for operator in graph.operators:
        operator.outputs = [len(graph.tensors) - 1 if o == index else o for o in operator.outputs]
        operator.inputs = [len(graph.tensors) - 1 if i == index else i for i in operator.inputs]
    maker = schema.OperatorT()
    maker.opcodeIndex = _opcode(schema, model, schema.BuiltinOperator.RESHAPE, version=1)
    maker.inputs, maker.outputs = [len(graph.tensors) - 1, _constant(schema, model, row.name, shape)], [index]
    maker.builtinOptionsType, maker.builtinOptions = schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()
    maker.builtinOptions.newShape = list(shape)
    graph.operators.append(maker)
    tensor.shape, tensor.shapeSignature = list(shape), None


def _constant(schema: Any, model: Any, name: str, values: tuple[int, ...]) -> int:
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = list(b"".join(value.to_bytes(4, "little") for value in values))
    model.buffers.append(buffer)
    tensor.name, tensor.type, tensor.shape = f"{name}/shape", schema.TensorType.INT32, [len(values)]
    tensor.buffer = len(model.buffers) - 1
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _opcode(schema: Any, model: Any, builtin: int, version: int) -> int:
    for index, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            code.version = max(code.version, version)
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _check(schema: Any, tensor: Any, spec: TensorSpec, shape: tuple[int | None, ...] | None, fix: str) -> None:
    wanted = getattr(schema.TensorType, spec.dtype.value.upper(), None)
    made = tuple(int(size) for size in tensor.shape)
    if tensor.type != wanted or (shape is not None and made != shape):
        names = {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
        raise ConversionError(
            f"The converter changed {spec} to {names.get(tensor.type, tensor.type)}{list(made)}.",
            fix=fix,
            cause="It guessed which dimension holds the channels, or has no such type.",
        )


def _named(schema: Any, graph: Any, indices: list[int], specs: tuple[TensorSpec, ...]) -> list[Any]:
    """The signature's entries; a tensor takes the name too, unless another tensor has it already."""
    taken = {_text(tensor.name) for tensor in graph.tensors}
    entries = []
    for index, spec in zip(indices, specs, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = spec.name, index
        entries.append(entry)
        if spec.name not in taken:
            graph.tensors[index].name = spec.name
            taken.add(spec.name)
    return entries


def _notes(schema: Any, model: Any) -> tuple[str, ...]:
    graph = model.subgraphs[0]
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    turns = [op for op in graph.operators if kinds[op.opcodeIndex] == schema.BuiltinOperator.TRANSPOSE]
    if not turns:
        return ()
    # Four bytes a value: a float model.
    moved = sum(4 * math.prod(int(size) for size in graph.tensors[op.outputs[0]].shape) for op in turns)
    many = f"{len(turns)} transpose{'s' if len(turns) > 1 else ''}"
    return (f"{many} left, which move {moved / 1024:.1f} KiB in each inference.",)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name or "")
