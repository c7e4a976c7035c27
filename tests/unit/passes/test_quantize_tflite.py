from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.target import Precision
from edgekit.core.tensor import DType
from edgekit.errors import ConversionError, DataError, UnsupportedModelError
from edgekit.passes.quantize_tflite import QuantizeTFLite
from tests.models import Zoo, quiet, snr_db, work_for


def run(zoo: Zoo, file: Path) -> Any:
    """Real outputs for the fresh inputs, integers translated by what the file says."""
    from ai_edge_litert.interpreter import Interpreter

    facts = zoo.facts("tflite", file)
    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    enter, leave = facts.inputs[0].quantization, facts.outputs[0].quantization
    answers = []
    for sample in zoo.fresh:
        stored = enter.quantize(sample[None], facts.inputs[0].dtype) if enter else sample[None]
        interpreter.set_tensor(taken["index"], stored)
        interpreter.invoke()
        output = interpreter.get_tensor(given["index"])
        answers.append(leave.dequantize(output) if leave else output)
    return np.concatenate(answers)


@pytest.mark.parametrize(
    ("precision", "least_db", "most_bytes"),
    [(Precision.FP16, 55, 0.95), (Precision.INT8_DYNAMIC, 28, 0.95), (Precision.INT8, 22, 0.95)],
)
def test_precision_is_close_to_float(zoo: Zoo, precision: Precision, least_db: float, most_bytes: float) -> None:
    file, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, precision)
    facts = zoo.facts("tflite", file)
    assert facts.precision is precision
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert snr_db(zoo.answers, run(zoo, file)) > least_db
    assert file.stat().st_size < most_bytes * zoo.tflite.stat().st_size


def test_integer_ends_give_the_same_answers_as_float_ends(zoo: Zoo) -> None:
    real, notes = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.INT8)
    stored, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.INT8, io="integer")
    facts = zoo.facts("tflite", stored)
    assert (facts.inputs[0].dtype, facts.outputs[0].dtype) == (DType.INT8, DType.INT8)
    assert snr_db(run(zoo, real), run(zoo, stored)) > 60
    assert notes.notes == ()


def test_ranges_do_not_depend_on_the_order_of_the_samples(zoo: Zoo, tmp_path: Path) -> None:
    facts = zoo.facts("tflite", zoo.tflite)
    outputs = []
    for name, order in (("forward", 1), ("backward", -1)):
        np.save(tmp_path / f"{name}.npy", zoo.inputs[:48][::order])
        work = work_for(zoo.tflite, facts, tmp_path / name, tmp_path / f"{name}.npy")
        QuantizeTFLite().apply(work, Precision.INT8, quiet)
        outputs.append((tmp_path / name / "model.tflite").read_bytes())
    assert outputs[0] == outputs[1]


def test_float_operators_are_told(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    image = keras.Input((12, 12, 3), name="image")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    keras.Model(image, keras.ops.sign(keras.ops.floor(pooled))).save(tmp_path / "floor.keras")
    file = zoo.convert("tflite_from_keras", "keras", tmp_path / "floor.keras")
    _, made = zoo.quantize("quantize_tflite", "tflite", file, Precision.INT8)
    assert any("FLOOR" in note for note in made.notes)


def test_recurrent_model_is_refused_with_a_way_out(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((12, 3), name="sound"), keras.layers.GRU(4), keras.layers.Dense(2)])
    model.save(tmp_path / "gru.keras")
    file = zoo.convert("tflite_from_keras", "keras", tmp_path / "gru.keras")
    np.save(tmp_path / "sound.npy", np.random.default_rng(0).normal(size=(4, 12, 3)).astype(np.float32))
    work = work_for(file, zoo.facts("tflite", file), tmp_path / "out", tmp_path / "sound.npy")
    with pytest.raises(ConversionError, match="Tensor data is null") as caught:
        QuantizeTFLite().apply(work, Precision.INT8, quiet)
    assert "tflite-int8-dynamic" in caught.value.fix


def test_calibration_that_does_not_fit_is_refused(zoo: Zoo, tmp_path: Path) -> None:
    facts = zoo.facts("tflite", zoo.tflite)
    np.save(tmp_path / "small.npy", np.zeros((4, 8, 8, 3), np.float32))
    with pytest.raises(DataError, match=r"\[4, 8, 8, 3\]"):
        QuantizeTFLite().apply(work_for(zoo.tflite, facts, tmp_path, tmp_path / "small.npy"), Precision.INT8, quiet)
    with pytest.raises(DataError, match="needs calibration"):
        QuantizeTFLite().apply(work_for(zoo.tflite, facts, tmp_path), Precision.INT8, quiet)


def test_several_inputs_are_refused_for_int8(zoo: Zoo, tmp_path: Path) -> None:
    facts = zoo.facts("tflite", zoo.tflite)
    work = work_for(zoo.tflite, facts, tmp_path, zoo.calibration)
    doubled = type(work)(**{**vars(work), "inputs": facts.inputs * 2})
    with pytest.raises(UnsupportedModelError, match="one float32 input"):
        QuantizeTFLite().apply(doubled, Precision.INT8, quiet)
