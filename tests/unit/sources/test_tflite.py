from __future__ import annotations

import random
from pathlib import Path

import pytest

from edgekit.core.target import Precision
from edgekit.core.tensor import DType
from edgekit.errors import CorruptModelError, EdgekitError
from edgekit.sources.tflite import TFLiteSource
from tests.models import Zoo


def test_reads_names_shapes_and_precision(zoo: Zoo) -> None:
    facts = TFLiteSource().read(zoo.tflite)
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert facts.precision is Precision.FP32


def test_sniffs_by_content_not_by_name(zoo: Zoo, tmp_path: Path) -> None:
    renamed = tmp_path / "model.bin"
    renamed.write_bytes(zoo.tflite.read_bytes())
    other = tmp_path / "model.tflite"
    other.write_bytes(b"PK\x03\x04 not a flatbuffer")
    assert TFLiteSource().sniff(renamed)
    assert not TFLiteSource().sniff(other)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_truncated_file_is_corrupt(zoo: Zoo, tmp_path: Path, kept: float) -> None:
    content = zoo.tflite.read_bytes()
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(CorruptModelError, match=r"cut\.tflite is damaged"):
        TFLiteSource().read(cut)


def test_flipped_bits_never_escape_as_a_raw_exception(zoo: Zoo, tmp_path: Path) -> None:
    content = zoo.tflite.read_bytes()
    draw = random.Random(5)
    damaged = tmp_path / "damaged.tflite"
    found = 0
    for _ in range(150):
        wild = bytearray(content)
        for _ in range(4):
            wild[draw.randrange(8, len(wild))] ^= 1 << draw.randrange(8)
        damaged.write_bytes(wild)
        try:
            TFLiteSource().read(damaged)
        except EdgekitError:
            found += 1
    assert found > 0


def test_integer_inputs_carry_their_scale(zoo: Zoo) -> None:
    file, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.INT8, io="integer")
    facts = TFLiteSource().read(file)
    assert facts.precision is Precision.INT8
    assert facts.inputs[0].dtype is DType.INT8
    quantization = facts.inputs[0].quantization
    assert quantization is not None
    low, high = (quantization.scale[0] * (edge - quantization.zero_point[0]) for edge in (-128, 127))
    calibration = zoo.inputs[:48]
    assert low <= calibration.min() + quantization.scale[0]
    assert high >= calibration.max() - quantization.scale[0]
