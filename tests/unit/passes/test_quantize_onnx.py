from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.protocols import Made
from edgekit.core.target import Precision
from edgekit.core.tensor import DType
from edgekit.errors import DynamicShapeError, UsageError
from edgekit.passes.quantize_onnx import QuantizeONNX
from tests.models import Zoo, quiet, snr_db, work_for


def run(zoo: Zoo, file: Path, made: Made | None = None) -> Any:
    """Real outputs for the fresh inputs, integers translated by the scales in `made`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    enter = made.inputs[0] if made and made.inputs else None
    leave = made.outputs[0] if made and made.outputs else None
    answers = []
    for sample in zoo.fresh:
        feed = enter.quantization.quantize(sample[None], enter.dtype) if enter and enter.quantization else sample[None]
        output = session.run(None, {"image": feed})[0]
        answers.append(leave.quantization.dequantize(output) if leave and leave.quantization else output)
    return np.concatenate(answers)


@pytest.mark.parametrize("options", [{}, {"activation": "int8"}, {"reduce_range": True}])
def test_int8_is_close_to_float(zoo: Zoo, options: dict[str, Any]) -> None:
    file, made = zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8, **options)
    facts = zoo.facts("onnx", file)
    assert facts.precision is Precision.INT8
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert snr_db(zoo.answers, run(zoo, file)) > 20
    assert made.notes == ()
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]


def test_weights_have_a_scale_for_each_output_channel(zoo: Zoo) -> None:
    import onnx

    file, _ = zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8)
    graph = onnx.load(str(file)).graph
    stored = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    weights = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in stored]
    convolutions = [node for node in weights if stored[node.input[0]].ndim == 4]
    assert len(convolutions) == 3
    for node in convolutions:
        assert stored[node.input[0]].dtype == np.int8
        assert stored[node.input[1]].shape == (32,)


def test_integer_ends_give_the_same_answers_as_float_ends(zoo: Zoo) -> None:
    real, _ = zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8)
    stored, made = zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8, io="integer")
    facts = zoo.facts("onnx", stored)
    assert (facts.inputs, facts.outputs) == (made.inputs, made.outputs)
    assert (facts.inputs[0].dtype, facts.outputs[0].dtype) == (DType.UINT8, DType.UINT8)
    assert facts.inputs[0].name == "image"
    assert snr_db(run(zoo, real), run(zoo, stored, made)) > 60


def test_every_sample_counts_in_the_ranges(zoo: Zoo, tmp_path: Path) -> None:
    """One outlier, wherever it comes, must widen the input's range; 47 samples have no stride but 1."""
    facts = zoo.facts("onnx", zoo.onnx)
    for place in (0, 23, 46):
        values = zoo.inputs[:47].copy()
        values[place, 0, 0, 0] = 100.0
        np.save(tmp_path / "outlier.npy", values)
        work = work_for(zoo.onnx, facts, tmp_path / str(place), tmp_path / "outlier.npy", io="integer")
        made = QuantizeONNX().apply(work, Precision.INT8, quiet)
        assert made.inputs is not None
        assert made.inputs[0].quantization is not None
        assert made.inputs[0].quantization.scale[0] == pytest.approx((100 - values.min()) / 255, rel=1e-3)


def test_open_batch_becomes_one_and_other_dimensions_are_refused(zoo: Zoo, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(zoo.onnx))
    del model.graph.value_info[:]
    for end in (model.graph.input[0], model.graph.output[0]):
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, str(tmp_path / "batch.onnx"))
    file, _ = zoo.quantize("quantize_onnx", "onnx", tmp_path / "batch.onnx", Precision.INT8)
    assert zoo.facts("onnx", file).inputs[0].shape == (1, 12, 12, 3)

    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "width"
    onnx.save(model, str(tmp_path / "width.onnx"))
    with pytest.raises(DynamicShapeError):
        zoo.quantize("quantize_onnx", "onnx", tmp_path / "width.onnx", Precision.INT8)


def test_unknown_option_values_are_refused(zoo: Zoo) -> None:
    with pytest.raises(UsageError, match="uint4"):
        zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8, activation="uint4")
    with pytest.raises(UsageError, match="io 'int'"):
        zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8, io="int")
