from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.converters.openvino_from_onnx import OpenVINOFromONNX
from edgekit.errors import ConversionError, DynamicShapeError
from tests.models import Zoo, quiet, snr_db, work_for


def run(file: Path, feed: Any) -> Any:
    import openvino

    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([feed])[0]


@pytest.mark.parametrize(("converter", "source"), [("openvino_from_onnx", "onnx"), ("openvino_from_tflite", "tflite")])
def test_same_answers_as_keras(zoo: Zoo, converter: str, source: str) -> None:
    file = zoo.convert(converter, source, getattr(zoo, source))
    facts = zoo.facts("openvino", file)
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    made = np.concatenate([run(file, sample[None]) for sample in zoo.fresh])
    assert snr_db(zoo.answers, made) > 100


def test_recurrent_model_goes_by_way_of_tflite_only(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((6, 4), name="sound"), keras.layers.LSTM(5), keras.layers.Dense(2, name="word")])
    model.save(tmp_path / "lstm.keras")
    feed = np.random.default_rng(0).normal(size=(1, 6, 4)).astype(np.float32)
    tflite = zoo.convert("tflite_from_keras", "keras", tmp_path / "lstm.keras")
    assert snr_db(model(feed), run(zoo.convert("openvino_from_tflite", "tflite", tflite), feed)) > 100
    onnx = zoo.convert("onnx_from_keras", "keras", tmp_path / "lstm.keras")
    with pytest.raises(ConversionError, match="Loop") as caught:
        zoo.convert("openvino_from_onnx", "onnx", onnx)
    assert "tflite" in caught.value.fix


def test_open_dimensions_are_fixed_or_refused(zoo: Zoo, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(zoo.onnx))
    del model.graph.value_info[:]
    for end in (model.graph.input[0], model.graph.output[0]):
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, str(tmp_path / "batch.onnx"))
    file = zoo.convert("openvino_from_onnx", "onnx", tmp_path / "batch.onnx")
    assert zoo.facts("openvino", file).inputs[0].shape == (1, 12, 12, 3)

    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "height"
    onnx.save(model, str(tmp_path / "height.onnx"))
    work = work_for(tmp_path / "height.onnx", zoo.facts("onnx", tmp_path / "height.onnx"), tmp_path / "out")
    with pytest.raises(DynamicShapeError, match="image"):
        OpenVINOFromONNX().convert(work, quiet)
