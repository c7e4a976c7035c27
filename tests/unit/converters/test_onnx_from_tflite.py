from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import ConversionError
from tests import tiny
from tests.models import Zoo, snr_db
from tests.unit.converters.test_onnx_from_keras import run


def test_same_answers_as_the_file_it_was_made_from(zoo: Zoo) -> None:
    file = zoo.convert("onnx_from_tflite", "tflite", zoo.tflite)
    facts = zoo.facts("onnx", file)
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    made = np.concatenate([run(file, {"image": sample[None]})[0] for sample in zoo.fresh])
    assert snr_db(zoo.answers, made) > 100


def test_an_operator_that_onnx_has_not_is_refused(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    words = keras.Input((8,), name="words")
    inner = keras.layers.Dense(8, activation="gelu")(words)
    keras.Model(words, keras.layers.Dense(3, name="mood")(inner)).save(tmp_path / "gelu.keras")
    tflite = zoo.convert("tflite_from_keras", "keras", tmp_path / "gelu.keras")
    with pytest.raises(ConversionError, match="TFL_GELU"):
        zoo.convert("onnx_from_tflite", "tflite", tflite)


@pytest.mark.parametrize("batch", [1, -1])
def test_an_open_batch_becomes_one(zoo: Zoo, tmp_path: Path, batch: int) -> None:
    file = zoo.convert("onnx_from_tflite", "tflite", tiny.tflite(tmp_path, batch=batch))
    assert [str(spec) for spec in zoo.facts("onnx", file).inputs] == ["x float32[1, 4]"]
    rows = tiny.samples(4)
    made = np.concatenate([run(file, {"x": row[None]})[0] for row in rows])
    assert snr_db(tiny.answers(rows), made) > 100
