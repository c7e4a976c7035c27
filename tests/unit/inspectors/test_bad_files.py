"""Files that cannot be inspected: each is an error that says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgekit import registry
from edgekit.core.graph import GraphSummary
from edgekit.errors import CorruptModelError, DynamicShapeError, EdgekitError, InferenceError, MissingFileError
from tests.models import Zoo


def inspected(format_name: str, file: Path) -> GraphSummary:
    summary: GraphSummary = registry.get("inspectors", format_name).inspect(file)
    return summary


@pytest.mark.parametrize("format_name", ["keras", "onnx", "openvino"])
def test_a_truncated_file_is_named_as_damaged(zoo: Zoo, tmp_path: Path, format_name: str) -> None:
    whole: Path = getattr(zoo, format_name)
    damaged = tmp_path / whole.name
    damaged.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    if format_name == "openvino":
        shutil.copy(whole.with_suffix(".bin"), damaged.with_suffix(".bin"))
    with pytest.raises(CorruptModelError, match=r"damaged|cannot be loaded") as found:
        inspected(format_name, damaged)
    assert found.value.fix


def test_an_openvino_model_without_its_weights_says_which_file_is_missing(zoo: Zoo, tmp_path: Path) -> None:
    alone = Path(shutil.copy(zoo.openvino, tmp_path))
    with pytest.raises(MissingFileError, match=r"\.bin does not exist") as found:
        inspected("openvino", alone)
    assert "copy both" in found.value.fix


@pytest.mark.parametrize("format_name", ["keras", "tflite", "onnx", "openvino"])
def test_a_missing_file_is_no_damage(tmp_path: Path, format_name: str) -> None:
    with pytest.raises((MissingFileError, FileNotFoundError)):
        inspected(format_name, tmp_path / "nothing.xml")


def onnx_model(path: Path, shape: list[int | str], op_type: str = "Relu", domain: str = "") -> Path:
    from onnx import TensorProto, helper, save

    graph = helper.make_graph(
        [helper.make_node(op_type, ["x"], ["y"], domain=domain)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("made.up", 1)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))
    return path


def test_a_free_axis_other_than_the_batch_is_refused(tmp_path: Path) -> None:
    assert inspected("onnx", onnx_model(tmp_path / "batch.onnx", ["n", 3, 8, 8])).macs == 0
    with pytest.raises(DynamicShapeError, match=r"x has the shape \[\?, 3, \?, 8\]"):
        inspected("onnx", onnx_model(tmp_path / "free.onnx", ["n", 3, "h", 8]))


def test_openvino_takes_a_free_batch_and_no_other_free_axis(tmp_path: Path) -> None:
    import openvino
    from openvino import opset13

    for shape, refused in (([-1, 3, 8, 8], False), ([1, 3, -1, 8], True)):
        data = opset13.parameter(shape, openvino.Type.f32, name="x")
        weights = opset13.constant([[[[0.5]]] * 3] * 2, openvino.Type.f32)
        conv = opset13.convolution(data, weights, [1, 1], [0, 0], [0, 0], [1, 1])
        openvino.save_model(openvino.Model([conv], [data]), str(tmp_path / "model.xml"))
        if refused:
            with pytest.raises(DynamicShapeError, match="not fixed"):
                inspected("openvino", tmp_path / "model.xml")
        else:
            assert inspected("openvino", tmp_path / "model.xml").macs == 8 * 8 * 2 * 3


def test_an_operator_that_onnx_runtime_does_not_know_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match="Wobble"):
        inspected("onnx", onnx_model(tmp_path / "odd.onnx", [1, 4], "Wobble", "made.up"))


def test_keras_without_an_input_shape_is_refused(tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1)]).save(tmp_path / "free.keras")
    with pytest.raises(DynamicShapeError, match=r"\[\?, \?, \?, 3\]"):
        inspected("keras", tmp_path / "free.keras")


def test_every_byte_flip_of_a_tflite_file_is_read_or_refused_with_a_fix(zoo: Zoo, tmp_path: Path) -> None:
    import random

    whole, chosen, damaged = zoo.tflite.read_bytes(), random.Random(0), tmp_path / "flipped.tflite"
    refusals: list[str] = []
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[chosen.randrange(8, len(data))] ^= 1 << chosen.randrange(8)
        damaged.write_bytes(bytes(data))
        try:
            inspected("tflite", damaged)
        except EdgekitError as error:
            refusals.append(error.fix)
    assert refusals
    assert all(refusals)
