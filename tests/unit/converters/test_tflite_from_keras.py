from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.converters.tflite_from_keras import TFLiteFromKeras
from edgekit.errors import DynamicShapeError, UsageError
from tests.models import Zoo, quiet, snr_db, work_for


def run(file: Path, feeds: list[Any]) -> list[Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    for detail, feed in zip(interpreter.get_input_details(), feeds, strict=True):
        interpreter.set_tensor(detail["index"], feed)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def test_same_answers_as_keras(zoo: Zoo) -> None:
    made = np.concatenate([run(zoo.tflite, [sample[None]])[0] for sample in zoo.fresh])
    assert snr_db(zoo.answers, made) > 100
    assert [path.name for path in zoo.tflite.parent.iterdir()] == ["model.tflite"]


def test_recurrent_model_with_two_inputs_and_two_outputs_keeps_order_and_names(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    picture = keras.Input((8, 8, 3), name="picture")
    tokens = keras.Input((6,), dtype="int32", name="a_tokens")
    words = layers.LSTM(7)(layers.Embedding(20, 5)(tokens))
    both = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3)(picture)), words])
    model = keras.Model([picture, tokens], [layers.Dense(3, name="zeta")(both), layers.Dense(2, name="alpha")(both)])
    model.save(tmp_path / "two.keras")

    file = zoo.convert("tflite_from_keras", "keras", tmp_path / "two.keras")
    facts = zoo.facts("tflite", file)
    assert [spec.name for spec in facts.inputs] == ["picture", "a_tokens"]
    assert [spec.name for spec in facts.outputs] == ["zeta", "alpha"]
    random = np.random.default_rng(0)
    feeds = [random.normal(size=(1, 8, 8, 3)).astype(np.float32), random.integers(0, 20, (1, 6), np.int32)]
    for reference, output in zip(model(feeds), run(file, feeds), strict=True):
        assert snr_db(reference, output) > 100


def test_open_dimension_needs_a_shape(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    tokens = keras.Input((None, 4), name="tokens")
    keras.Model(tokens, keras.layers.Conv1D(2, 3, name="out")(tokens)).save(tmp_path / "open.keras")
    facts = zoo.facts("keras", tmp_path / "open.keras")
    with pytest.raises(DynamicShapeError) as caught:
        TFLiteFromKeras().convert(work_for(tmp_path / "open.keras", facts, tmp_path / "a"), quiet)
    assert "--shape tokens=1,1,4" in caught.value.fix
    wrong = work_for(tmp_path / "open.keras", facts, tmp_path / "b", shapes={"tokens": [1, 9, 5]})
    with pytest.raises(UsageError, match="does not fit"):
        TFLiteFromKeras().convert(wrong, quiet)
    unknown = work_for(tmp_path / "open.keras", facts, tmp_path / "c", shapes={"tokens": [1, 9, 4], "words": [1]})
    with pytest.raises(UsageError, match="no input named words"):
        TFLiteFromKeras().convert(unknown, quiet)

    file = zoo.convert("tflite_from_keras", "keras", tmp_path / "open.keras", shapes={"tokens": [1, 9, 4]})
    assert zoo.facts("tflite", file).inputs[0].shape == (1, 9, 4)
    assert zoo.facts("tflite", file).outputs[0].shape == (1, 7, 2)
