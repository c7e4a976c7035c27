"""Diff on real models: the same function in two formats, quantized ones, and one with a damaged weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit import Preprocessing, diff
from edgekit.core.target import Precision
from edgekit.pipeline.diff import Comparison
from tests.command import edgekit
from tests.models import Zoo


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own for each test."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EDGEKIT_HOME", str(folder))
    return folder


def names(found: Comparison) -> list[str]:
    return [pair.name for pair in found.tensors]


def test_a_model_is_the_same_as_itself(zoo: Zoo, home: Path) -> None:
    done = edgekit("diff", zoo.onnx, zoo.onnx, "--json", home=home)
    assert done.code == 0, done.err
    assert done.json["same"]
    assert done.json["first"] is None
    assert done.json["alone"] == []
    assert len(done.json["tensors"]) >= 10
    assert {row["snr_db"] for row in done.json["tensors"]} == {None}


@pytest.mark.parametrize(("a", "b"), [("onnx", "openvino"), ("keras", "tflite"), ("tflite", "onnx"), ("openvino", "keras")])
def test_one_model_in_two_formats_matches_through(zoo: Zoo, a: str, b: str) -> None:
    found = diff(getattr(zoo, a), getattr(zoo, b))
    assert found.same
    assert found.first is None
    assert len(found.tensors) >= 6
    assert all(pair.snr_db is None or pair.snr_db > 100 for pair in found.tensors)
    assert "logits" in {pair.name for pair in found.tensors} | {pair.other for pair in found.tensors}


def test_quantized_model_departs_at_its_first_convolution(zoo: Zoo, home: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", zoo.fresh)
    file, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.INT8)
    done = edgekit("diff", zoo.tflite, file, "--data", tmp_path / "x.npy", home=home)
    assert done.code == 1, done.err
    assert "different outputs on 16 samples of x.npy" in done.out
    assert "The first to depart: functional_1/re_lu" in done.out
    assert "(CONV_2D)" in done.out
    lenient = diff(zoo.tflite, file, tmp_path / "x.npy", threshold_db=5.0, preprocessing=Preprocessing())
    assert not lenient.same
    assert lenient.first is None


@pytest.mark.parametrize("against", ["onnx", "openvino", "tflite"])
def test_a_damaged_weight_is_found_where_it_is(zoo: Zoo, tmp_path: Path, against: str) -> None:
    """Half of the last convolution's channels are damaged; whatever comes before it is as it was."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(zoo.onnx))
    node = [node for node in model.graph.node if node.op_type == "Conv"][2]
    weight = next(item for item in model.graph.initializer if item.name == node.input[1])
    values = numpy_helper.to_array(weight).copy()
    values[:16] *= 0.5
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, str(tmp_path / "damaged.onnx"))
    found = diff(getattr(zoo, against), tmp_path / "damaged.onnx")
    assert not found.same
    assert found.first
    assert found.first.other == node.output[0]
    sound = [pair for pair in found.tensors if pair.snr_db is None or pair.snr_db > 100]
    assert len(sound) >= 2
    assert found.tensors[0].snr_db == min(pair.snr_db for pair in found.tensors if pair.snr_db is not None)
