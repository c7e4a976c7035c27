from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.target import Precision
from edgekit.errors import CorruptModelError, MissingFileError, UnsupportedModelError
from edgekit.sources.onnx import ONNXSource
from tests.models import Zoo


def graph_with(shape: list[Any], *, kind: str = "Relu", elem: int = 1) -> Any:
    from onnx import helper

    ends = [helper.make_tensor_value_info(name, elem, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node(kind, ["x"], ["y"])], "g", [ends[0]], [ends[1]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_reads_names_shapes_and_precision(zoo: Zoo) -> None:
    facts = ONNXSource().read(zoo.onnx)
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert (facts.files, facts.precision) == (("model.onnx",), Precision.FP32)
    assert ONNXSource().sniff(zoo.onnx)


def test_open_dimensions_are_none(tmp_path: Path) -> None:
    import onnx

    onnx.save(graph_with(["batch", 3, "width"]), str(tmp_path / "open.onnx"))
    assert ONNXSource().read(tmp_path / "open.onnx").inputs[0].shape == (None, 3, None)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_file_is_corrupt(zoo: Zoo, tmp_path: Path, kept: float) -> None:
    content = zoo.onnx.read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(content[: int(len(content) * kept)])
    assert ONNXSource().sniff(cut)
    with pytest.raises(CorruptModelError, match=r"cut\.onnx is no valid ONNX"):
        ONNXSource().read(cut)


def test_unknown_operator_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(graph_with([1], kind="Erfc").SerializeToString())
    with pytest.raises(CorruptModelError, match="Erfc"):
        ONNXSource().read(tmp_path / "bad.onnx")


def test_weights_beside_the_file_belong_to_the_model(zoo: Zoo, tmp_path: Path) -> None:
    import onnx

    split = tmp_path / "split.onnx"
    onnx.save(onnx.load(str(zoo.onnx)), str(split), save_as_external_data=True, location="split.data", size_threshold=0)
    assert ONNXSource().read(split).files == ("split.onnx", "split.data")
    (tmp_path / "split.data").unlink()
    with pytest.raises(MissingFileError, match=r"split\.data"):
        ONNXSource().read(split)


def test_text_input_is_refused(tmp_path: Path) -> None:
    import onnx

    onnx.save(graph_with([1], kind="Identity", elem=onnx.TensorProto.STRING), str(tmp_path / "text.onnx"))
    with pytest.raises(UnsupportedModelError, match="x is of type"):
        ONNXSource().read(tmp_path / "text.onnx")


def test_half_floats_are_fp16(tmp_path: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((2, 2), np.float16), "w")
    ends = [helper.make_tensor_value_info(name, 10, [1, 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weight])
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)]), str(tmp_path / "h.onnx"))
    assert ONNXSource().read(tmp_path / "h.onnx").precision is Precision.FP16
