from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.core.model import Model
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.errors import NoPathError
from edgekit.pipeline.plan import MOST_WAYS, explain, routes


def model(model_format: ModelFormat, precision: Precision = Precision.FP32) -> Model:
    return Model(Path(), model_format, precision, (), (), (), "")


def names(model_format: ModelFormat, target: str) -> list[list[str]]:
    return [[hop.plugin for hop in hops] for hops in routes(model(model_format), Target.parse(target))]


def test_every_way_is_found_and_the_cheapest_comes_first() -> None:
    first, second, *others = names(ModelFormat.KERAS, "openvino-fp32")
    assert first == ["tflite_from_keras", "openvino_from_tflite"]
    assert second == ["onnx_from_keras", "openvino_from_onnx"]
    assert ["tflite_from_keras", "onnx_from_tflite", "openvino_from_onnx"] in others


def test_quantization_ends_every_way() -> None:
    assert names(ModelFormat.KERAS, "onnx-int8") == [
        ["onnx_from_keras", "quantize_onnx"],
        ["tflite_from_keras", "onnx_from_tflite", "quantize_onnx"],
    ]
    assert names(ModelFormat.ONNX, "onnx-int8") == [["quantize_onnx"]]


def test_a_way_visits_no_format_twice() -> None:
    for source in ModelFormat:
        for target in {ModelFormat.TFLITE, ModelFormat.ONNX, ModelFormat.OPENVINO} - {source}:
            try:
                ways = routes(model(source), Target(target, Precision.FP32))
            except NoPathError:
                continue
            assert 0 < len(ways) <= MOST_WAYS
            for hops in ways:
                visited = [source, *(hop.target.format for hop in hops)]
                assert len(visited) == len(set(visited))


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        (ModelFormat.OPENVINO, "onnx-fp32", "writes no other format"),
        (ModelFormat.OPENVINO, "tflite-int8", "writes no other format"),
        (ModelFormat.TFLITE, "keras-fp32", "nothing leads back to a Keras model"),
    ],
)
def test_no_way_says_why(source: ModelFormat, target: str, why: str) -> None:
    with pytest.raises(NoPathError, match=why):
        routes(model(source), Target.parse(target))


def test_explanation_counts_costs_and_repeats_declared_gaps() -> None:
    cheapest, by_onnx, *_ = explain(model(ModelFormat.KERAS), Target.parse("openvino-fp32"))
    assert cheapest.first
    assert not by_onnx.first
    assert cheapest.cost < by_onnx.cost
    assert "notyet" in by_onnx.gaps["openvino_from_onnx: recurrent"]
    assert cheapest.missing == ()
    assert cheapest.fix == ""
