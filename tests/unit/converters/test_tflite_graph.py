from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import registry
from edgekit.converters._tflite_graph import Ends, finish_graph
from edgekit.core.tensor import DType, TensorSpec
from edgekit.errors import ConversionError
from tests import tiny

X, Y = TensorSpec("x:0", DType.FLOAT32, (1, 4)), TensorSpec("y", DType.FLOAT32, (1, 3))


def written(folder: Path, change: Callable[[Any, Any], None] = lambda _, __: None) -> bytes:
    """The tiny model as a converter leaves it: ends with numbered names."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(tiny.tflite(folder).read_bytes(), 0)
    tensors = model.subgraphs[0].tensors
    tensors[0].name, tensors[3].name = "edgekit_input_0", "edgekit_output_0"
    change(schema, model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def finished(folder: Path, content: bytes, ends: Ends) -> Path:
    (folder / "made.tflite").write_bytes(finish_graph(content, ends, "fix")[0])
    return folder / "made.tflite"


def run(file: Path, rows: Any) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(file)).get_signature_runner("serving_default")
    return np.concatenate([runner(**{"x:0": row[None]})["y"].reshape(1, 3) for row in rows])


def test_ends_get_the_names_of_the_source_and_an_output_its_shape(tmp_path: Path) -> None:
    deep = TensorSpec("y", DType.FLOAT32, (1, 3, 1, 1))
    file = finished(tmp_path, written(tmp_path), Ends((X,), (deep,), ((1, 3, 1, 1),)))
    facts = registry.get("sources", "tflite").read(file)
    assert facts.inputs == (X,)
    assert facts.outputs == (deep,)
    assert np.allclose(run(file, tiny.samples(5)), tiny.answers(tiny.samples(5)))


def test_a_matrix_product_becomes_a_dense_layer_with_the_same_numbers(tmp_path: Path) -> None:
    def matmul(schema: Any, model: Any) -> None:
        (operator,) = model.subgraphs[0].operators
        model.operatorCodes[0].builtinCode = schema.BuiltinOperator.BATCH_MATMUL
        model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.BATCH_MATMUL
        operator.inputs = [0, 1]
        operator.builtinOptionsType = schema.BuiltinOptions.BatchMatMulOptions
        operator.builtinOptions = schema.BatchMatMulOptionsT()
        weights = model.subgraphs[0].tensors[1]
        weights.shape, weights.shapeSignature = [4, 3], None
        model.buffers[weights.buffer].data = np.frombuffer(tiny.WEIGHTS.tobytes(), np.uint8)

    file = finished(tmp_path, written(tmp_path, matmul), Ends((X,), (Y,), ((1, 3),)))
    assert [op.kind for op in registry.get("inspectors", "tflite").inspect(file).ops] == ["FULLY_CONNECTED"]
    assert np.allclose(run(file, tiny.samples(5)), tiny.answers(tiny.samples(5)) - tiny.BIAS)


def test_an_operator_that_no_runtime_has_is_refused_by_name(tmp_path: Path) -> None:
    def custom(schema: Any, model: Any) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, "ONNX_LOOP"
        model.operatorCodes.append(code)

    with pytest.raises(ConversionError, match="ONNX_LOOP, which no TFLite runtime has"):
        finish_graph(written(tmp_path, custom), Ends((X,), (Y,), ((1, 3),)), "fix")


def test_a_changed_interface_is_refused(tmp_path: Path) -> None:
    wide = TensorSpec("x", DType.FLOAT32, (4, 1))
    with pytest.raises(ConversionError, match=r"changed x float32\[4, 1\] to float32\[1, 4\]"):
        finish_graph(written(tmp_path), Ends((wide,), (Y,), ((1, 3),)), "fix")
    whole = TensorSpec("x", DType.INT64, (1, 4))
    with pytest.raises(ConversionError, match=r"changed x int64\[1, 4\] to float32"):
        finish_graph(written(tmp_path), Ends((whole,), (Y,), ((1, 3),)), "fix")
