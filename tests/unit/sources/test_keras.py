from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edgekit.core.target import Precision
from edgekit.errors import CorruptModelError, UnsupportedModelError
from edgekit.sources.keras import KerasSource
from tests.models import Zoo


def test_open_batch_dimension_is_shown_as_one(zoo: Zoo) -> None:
    facts = KerasSource().read(zoo.keras)
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert facts.precision is Precision.FP32


def test_other_open_dimensions_stay_open(tmp_path: Path) -> None:
    import keras

    tokens = keras.Input((None, 4), name="tokens")
    keras.Model(tokens, keras.layers.GlobalAveragePooling1D()(tokens)).save(tmp_path / "open.keras")
    assert KerasSource().read(tmp_path / "open.keras").inputs[0].shape == (1, None, 4)


def test_sequential_output_is_named_by_its_layer(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((3,), name="features"), keras.layers.Dense(2, name="score")])
    model.save(tmp_path / "s.keras")
    facts = KerasSource().read(tmp_path / "s.keras")
    assert (facts.inputs[0].name, facts.outputs[0].name) == ("features", "score")


def test_lambda_layer_is_refused(tmp_path: Path) -> None:
    import keras

    image = keras.Input((3,))
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2)(image)).save(tmp_path / "lambda.keras")
    with pytest.raises(UnsupportedModelError, match="Lambda") as caught:
        KerasSource().read(tmp_path / "lambda.keras")
    assert "keras.layers" in caught.value.fix


def test_unknown_layer_class_is_named(zoo: Zoo, tmp_path: Path) -> None:
    strange = tmp_path / "strange.keras"
    with zipfile.ZipFile(zoo.keras) as old, zipfile.ZipFile(strange, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"DepthwiseConv2D"', b'"HouseConv2D"'))
    with pytest.raises(UnsupportedModelError, match="HouseConv2D"):
        KerasSource().read(strange)


@pytest.mark.parametrize("kept", [0.2, 0.95])
def test_truncated_archive_is_corrupt(zoo: Zoo, tmp_path: Path, kept: float) -> None:
    content = zoo.keras.read_bytes()
    cut = tmp_path / "cut.keras"
    cut.write_bytes(content[: int(len(content) * kept)])
    assert KerasSource().sniff(cut)
    with pytest.raises(CorruptModelError, match=r"cut\.keras is damaged"):
        KerasSource().read(cut)


def test_one_flipped_byte_in_the_weights_is_found(zoo: Zoo, tmp_path: Path) -> None:
    content = bytearray(zoo.keras.read_bytes())
    content[len(content) // 2] ^= 0xFF
    flipped = tmp_path / "flipped.keras"
    flipped.write_bytes(content)
    with pytest.raises(CorruptModelError):
        KerasSource().read(flipped)


def test_truncated_hdf5_is_corrupt(zoo: Zoo, tmp_path: Path) -> None:
    whole = tmp_path / "model.h5"
    zoo.network.save(whole)
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole.read_bytes()[:3000])
    assert KerasSource().sniff(whole)
    assert KerasSource().read(whole).inputs[0].name == "image"
    with pytest.raises(CorruptModelError):
        KerasSource().read(cut)


def test_other_zip_archives_are_not_keras(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert not KerasSource().sniff(tmp_path / "model.zip")
