"""Dataclasses to JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.core.contract import InputContract
from edgekit.core.model import LineageStep, Model
from edgekit.core.proof import Gate, OutputParity, Proof, Tolerance
from edgekit.core.serde import dumps, from_json, to_json
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.core.tensor import DType, Layout, Quantization, TensorSpec


def model(path: Path) -> Model:
    proof = Proof(
        kind="parity",
        reference="abc",
        data="3 samples",
        samples=3,
        outputs=(OutputParity("logits", 0.1, None, 1.0, -1.0, 2.0),),
        agreement=1.0,
        agreement_interval=(0.4, 1.0),
        gates=(Gate("logits: finite", True, "0 of 30"),),
        tolerance=Tolerance(None, 0.9, 0.9),
        reasons=(),
    )
    return Model(
        path=path,
        format=ModelFormat.TFLITE,
        precision=Precision.INT8,
        files=("model.tflite",),
        inputs=(TensorSpec("image", DType.INT8, (1, None, 28, 1), Quantization((0.5,), (-3,))),),
        outputs=(TensorSpec("logits", DType.FLOAT32, (1, 10)),),
        digest="d",
        contract=InputContract(kind="image", height=28, width=28, layout=Layout.NCHW, mean=(1.0,), std=(255.0,)),
        labels=("a", "b"),
        lineage=(LineageStep("import", "tflite", {"file": "m.tflite", "n": 3}, {"x": "1"}, None, "d", 0.5),),
        proof=proof,
    )


def test_a_model_survives_its_manifest(tmp_path: Path) -> None:
    before = model(tmp_path)
    before.write_manifest()
    assert Model.read(tmp_path) == before
    assert Model.read(tmp_path).proof == before.proof


def test_a_manifest_of_another_schema_is_refused(tmp_path: Path) -> None:
    model(tmp_path).write_manifest()
    file = tmp_path / "edgekit.json"
    file.write_text(file.read_text().replace("edgekit.artifact/1", "edgekit.artifact/9"))
    with pytest.raises(ValueError, match=r"edgekit\.artifact/1"):
        Model.read(tmp_path)


def test_unknown_keys_are_ignored_and_missing_ones_are_named() -> None:
    body = to_json(TensorSpec("x", DType.FLOAT32, (1, 2)))
    assert from_json(TensorSpec, {**body, "new": 1}) == TensorSpec("x", DType.FLOAT32, (1, 2))
    del body["shape"]
    with pytest.raises(ValueError, match=r"TensorSpec\.shape is missing"):
        from_json(TensorSpec, body)


def test_a_wrong_type_is_named_with_its_place() -> None:
    body = to_json(TensorSpec("x", DType.FLOAT32, (1, 2)))
    with pytest.raises(ValueError, match=r"TensorSpec\.name: expected str, found int"):
        from_json(TensorSpec, {**body, "name": 3})


def test_equal_values_have_equal_text_and_nan_is_refused(tmp_path: Path) -> None:
    assert dumps({"b": 1, "a": (1, 2)}) == dumps({"a": [1, 2], "b": 1})
    with pytest.raises(ValueError, match="JSON"):
        dumps(replace(model(tmp_path), notes=(float("nan"),)))  # type: ignore[arg-type]
    assert json.loads(dumps(model(tmp_path)))["format"] == "tflite"


@pytest.mark.parametrize("text", ["tflite-int8", "onnx-fp32", "openvino-fp16", "tflite-int8-dynamic", "tflite-int8@coral"])
def test_targets_parse_and_print_inversely(text: str) -> None:
    assert str(Target.parse(text)) == text
