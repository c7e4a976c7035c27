"""The smallest model that knows its own answer, y = x W + b, as real files of each format; built in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgekit.core.tensor import DType, Quantization, TensorSpec

WEIGHTS = np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.75], [-0.5, 0.25, 1.0], [0.75, -0.25, 0.5]], np.float32)
BIAS = np.array([0.5, -0.25, 1.0], np.float32)

INPUT_SCALE, INPUT_ZERO = 1 / 32, -8
OUTPUT_SCALE, OUTPUT_ZERO = 1 / 16, 5
WEIGHT_SCALE = 1 / 64
"""The weights are whole multiples of it: quantizing them to int8 changes nothing."""
INTEGER_INPUT = TensorSpec("x", DType.INT8, (1, 4), Quantization((INPUT_SCALE,), (INPUT_ZERO,)))
INTEGER_OUTPUT = TensorSpec("y", DType.INT8, (1, 3), Quantization((OUTPUT_SCALE,), (OUTPUT_ZERO,)))


def samples(count: int) -> Any:
    """`float32[count, 4]`; multiples of the input scale inside its range, so that quantizing them loses nothing."""
    return np.random.default_rng(0).integers(-60, 60, (count, 4)).astype(np.float32) / 32


def answers(rows: Any) -> Any:
    """What the float model must say to `rows`."""
    return np.asarray(rows) @ WEIGHTS + BIAS


def onnx(folder: Path, *, batch: int | str = 1) -> Path:
    """`float.onnx`: one Gemm."""
    from onnx import TensorProto, helper

    return _save_onnx(
        folder / "float.onnx",
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3]),
        {},
    )


def onnx_int8(folder: Path) -> Path:
    """`int8.onnx`: a Gemm between QDQ nodes, int8 in and out; the file does not say what its integers mean."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xf"]),
        helper.make_node("DequantizeLinear", ["wq", "sw", "zw"], ["wf"]),
        helper.make_node("DequantizeLinear", ["bq", "sb", "zb"], ["bf"]),
        helper.make_node("Gemm", ["xf", "wf", "bf"], ["yf"]),
        helper.make_node("QuantizeLinear", ["yf", "sy", "zy"], ["y"]),
    ]
    scales = {
        "sx": np.float32(INPUT_SCALE),
        "zx": np.int8(INPUT_ZERO),
        "sy": np.float32(OUTPUT_SCALE),
        "zy": np.int8(OUTPUT_ZERO),
        "wq": (WEIGHTS / WEIGHT_SCALE).astype(np.int8),
        "sw": np.float32(WEIGHT_SCALE),
        "zw": np.int8(0),
        "bq": (BIAS / (INPUT_SCALE * WEIGHT_SCALE)).astype(np.int32),
        "sb": np.float32(INPUT_SCALE * WEIGHT_SCALE),
        "zb": np.int32(0),
    }
    return _save_onnx(
        folder / "int8.onnx",
        nodes,
        helper.make_tensor_value_info("x", TensorProto.INT8, [1, 4]),
        helper.make_tensor_value_info("y", TensorProto.INT8, [1, 3]),
        scales,
    )


def onnx_endless(folder: Path, turns: int) -> Path:
    """`endless.onnx`: the float model after a Loop of `turns` turns, to run into a time limit."""
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Sin", ["v"], ["v2"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 4]),
        ],
        [
            helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v2", TensorProto.FLOAT, [1, 4]),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["turns", "go", "x"], ["xs"], body=body),
        helper.make_node("Gemm", ["xs", "w", "b"], ["y"]),
    ]
    return _save_onnx(
        folder / "endless.onnx",
        nodes,
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3]),
        {"turns": np.int64(turns), "go": np.bool_(True)},
    )


def openvino(folder: Path) -> Path:
    """`float.xml` and `float.bin`: MatMul and Add."""
    import openvino as ov
    from openvino import opset13 as ops

    x = ops.parameter([1, 4], np.float32, name="x")
    y = ops.add(ops.matmul(x, ops.constant(WEIGHTS), False, False), ops.constant(BIAS))
    x.output(0).set_names({"x"})
    y.output(0).set_names({"y"})
    ov.save_model(ov.Model([y], [x], "tiny"), str(folder / "float.xml"), compress_to_fp16=False)
    return folder / "float.xml"


def tflite(folder: Path, *, batch: int = 1) -> Path:
    """`float.tflite`: FULLY_CONNECTED with a signature; `batch` of -1 leaves the batch open."""
    tensors = [("serving_default_x:0", np.float32, (1, 4), None), ("w", np.float32, (3, 4), WEIGHTS.T)]
    tensors += [("b", np.float32, (3,), BIAS), ("StatefulPartitionedCall:0", np.float32, (1, 3), None)]
    return _save_tflite(folder / "float.tflite", tensors, [(), (), (), ()], batch)


def tflite_int8(folder: Path) -> Path:
    """`int8.tflite`: full-integer FULLY_CONNECTED, int8 in and out."""
    tensors = [("serving_default_x:0", np.int8, (1, 4), None), ("w", np.int8, (3, 4), WEIGHTS.T / WEIGHT_SCALE)]
    tensors += [
        ("b", np.int32, (3,), BIAS / (INPUT_SCALE * WEIGHT_SCALE)),
        ("StatefulPartitionedCall:0", np.int8, (1, 3), None),
    ]
    scales = [(INPUT_SCALE, INPUT_ZERO), (WEIGHT_SCALE, 0), (INPUT_SCALE * WEIGHT_SCALE, 0), (OUTPUT_SCALE, OUTPUT_ZERO)]
    return _save_tflite(folder / "int8.tflite", tensors, scales, 1)


def _save_onnx(file: Path, nodes: list[Any], x: Any, y: Any, extra: dict[str, Any]) -> Path:
    import onnx as package
    from onnx import helper, numpy_helper

    used = {name for node in nodes for name in node.input}
    constants = {name: value for name, value in {"w": WEIGHTS, "b": BIAS, **extra}.items() if name in used}
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [x], [y], initializers)
    package.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))
    return file


def _save_tflite(file: Path, tensors: list[tuple[str, Any, Any, Any]], scales: list[tuple[Any, ...]], batch: int) -> Path:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    for (name, dtype, shape, values), scale in zip(tensors, scales, strict=True):
        graph.tensors.append(_tensor(schema, model, name, dtype, shape, values, scale, batch))
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    operator.inputs, operator.outputs, operator.opcodeIndex = [0, 1, 2], [3], 0
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    code.version = 4
    graph.inputs, graph.outputs, graph.operators = [0], [3], [operator]
    model.operatorCodes, model.subgraphs, model.signatureDefs = [code], [graph], [_signature(schema)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    file.write_bytes(bytes(builder.Output()))
    return file


def _tensor(
    schema: Any, model: Any, name: str, dtype: Any, shape: Any, values: Any, scale: tuple[Any, ...], batch: int
) -> Any:
    kinds = {np.float32: "FLOAT32", np.int8: "INT8", np.int32: "INT32"}
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(shape), getattr(schema.TensorType, kinds[dtype])
    if values is None:
        tensor.shapeSignature, tensor.buffer = [batch, *shape[1:]], 0
    else:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(
            np.ascontiguousarray(np.rint(values) if dtype != np.float32 else values, dtype), np.uint8
        )
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
    if scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale[0]], [scale[1]]
    return tensor


def _signature(schema: Any) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    ends = []
    for name, index in (("x", 0), ("y", 3)):
        end = schema.TensorMapT()
        end.name, end.tensorIndex = name, index
        ends.append([end])
    signature.inputs, signature.outputs = ends
    return signature
