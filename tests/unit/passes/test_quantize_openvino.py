from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.protocols import Made
from edgekit.core.target import Precision
from edgekit.core.tensor import DType
from tests.models import Zoo, snr_db


def run(zoo: Zoo, file: Path, made: Made | None = None) -> Any:
    """Real outputs for the fresh inputs, integers translated by the scales in `made`."""
    import openvino

    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    enter = made.inputs[0] if made and made.inputs else None
    leave = made.outputs[0] if made and made.outputs else None
    answers = []
    for sample in zoo.fresh:
        feed = enter.quantization.quantize(sample[None], enter.dtype) if enter and enter.quantization else sample[None]
        output = compiled({"image": feed})["logits"]
        answers.append(leave.quantization.dequantize(output) if leave and leave.quantization else output)
    return np.concatenate(answers)


@pytest.mark.parametrize(("precision", "least_db"), [(Precision.FP16, 55), (Precision.INT8, 20)])
def test_precision_is_close_to_float(zoo: Zoo, precision: Precision, least_db: float) -> None:
    file, made = zoo.quantize("quantize_openvino", "openvino", zoo.openvino, precision)
    facts = zoo.facts("openvino", file)
    assert facts.precision is precision
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert snr_db(zoo.answers, run(zoo, file)) > least_db
    assert made.notes == ()
    weights, before = (path.with_suffix(".bin").stat().st_size for path in (file, zoo.openvino))
    assert weights < 0.75 * before


def test_integer_ends_give_the_same_answers_as_float_ends(zoo: Zoo) -> None:
    real, _ = zoo.quantize("quantize_openvino", "openvino", zoo.openvino, Precision.INT8)
    stored, made = zoo.quantize("quantize_openvino", "openvino", zoo.openvino, Precision.INT8, io="integer")
    facts = zoo.facts("openvino", stored)
    assert (facts.inputs[0].dtype, facts.outputs[0].dtype) == (DType.UINT8, DType.UINT8)
    assert (facts.inputs[0].name, facts.outputs[0].name) == ("image", "logits")
    assert made.inputs is not None
    assert made.outputs is not None
    # The output's own uint8 scale adds half a step, and nothing beyond the calibrated range can be said in it.
    scale = made.outputs[0].quantization
    assert scale is not None
    low, high = (float(scale.dequantize(np.array(edge))) for edge in (0, 255))
    assert np.abs(np.clip(run(zoo, real), low, high) - run(zoo, stored, made)).max() <= 1.5 * scale.scale[0]


def test_nothing_is_reported_to_the_network(zoo: Zoo) -> None:
    zoo.quantize("quantize_openvino", "openvino", zoo.openvino, Precision.INT8)
    from nncf.telemetry import wrapper

    assert not isinstance(wrapper.telemetry, wrapper.NNCFTelemetry)
