"""When the cheapest way to a target fails, the next one is taken, and the artifact says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgekit.core.model import Model
from tests.command import Done, edgekit
from tests.models import Zoo

CARELESS = '''\
from edgekit.core.protocols import Made
from edgekit.core.target import ModelFormat


class Careless:
    """Converts well, then adds 1 to the last weights it finds: reports success and is wrong."""

    name, source, target = "onnx_careless", ModelFormat.KERAS, ModelFormat.ONNX
    cost, engine, extra, gaps = 0.1, "tensorflow", "keras", {}
    packages = PACKAGES

    def convert(self, work, emit):
        import onnx
        from onnx import numpy_helper
        from edgekit import registry

        made = registry.get("converters", "onnx_from_keras").convert(work, emit)
        model = onnx.load(str(work.out / made.file))
        last = model.graph.initializer[-1]
        last.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(last) + 1, last.name))
        onnx.save(model, str(work.out / made.file))
        return Made(file=made.file)
'''
"""A converter as someone else's package would bring it: one file and one entry point."""


def package(folder: Path, needs: str) -> dict[str, str]:
    """Lays the package out as an installed one; returns the variables of a process that sees it."""
    (folder / "careless.py").write_text(CARELESS.replace("PACKAGES", needs))
    metadata = folder / "careless-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: careless\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[edgekit.converters]\nonnx_careless = careless:Careless\n")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}


@pytest.fixture(scope="module")
def arctan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Keras model with an operation that ONNX and OpenVINO have and TFLite has not."""
    import keras

    keras.utils.set_random_seed(0)
    angle = keras.Input((8,), name="angle")
    inner = keras.ops.arctan(keras.layers.Dense(6)(angle))
    file = tmp_path_factory.mktemp("arctan") / "arctan.keras"
    keras.Model(angle, keras.layers.Dense(3, name="turn")(inner)).save(file)
    return file


def test_the_next_way_is_taken_when_a_converter_fails(arctan: Path, tmp_path: Path) -> None:
    done = edgekit("convert", arctan, "-t", "openvino-fp32", "--out", tmp_path / "out", home=tmp_path / "home")
    assert done.code == 0, done.err
    assert "warning: The cheaper way by tflite_from_keras failed" in done.err
    model = Model.read(tmp_path / "out" / "openvino-fp32")
    assert [step.tool for step in model.lineage] == ["keras", "onnx_from_keras", "openvino_from_onnx"]
    assert model.proof
    assert model.proof.passed
    assert [note for note in model.notes if "tflite_from_keras failed" in note and "Atan" in note]
    assert done.err.count("tflite_from_keras → tflite-fp32") == 1, "a hop that failed is not tried again on a later way"


def test_the_first_error_is_raised_when_no_way_is_left(tmp_path: Path) -> None:
    import keras

    share = keras.Input((8,), name="share")
    keras.Model(share, keras.layers.Dense(3)(keras.ops.erfinv(share))).save(tmp_path / "erfinv.keras")
    done = edgekit(
        "convert", tmp_path / "erfinv.keras", "-t", "onnx-fp32", "--out", tmp_path / "out", home=tmp_path / "home"
    )
    assert done.code == 15, done.err
    assert "edgekit: The converted graph holds Erfinv, which is no ONNX operator" in done.err
    assert "warning: The way by tflite_from_keras failed too" in done.err
    assert not (tmp_path / "out").exists()


def test_a_failed_proof_leads_to_the_next_way(zoo: Zoo, tmp_path: Path) -> None:
    done = convert_beside(zoo, tmp_path, "('tf2onnx', 'keras')")
    assert done.code == 0, done.err
    assert "The cheaper way by onnx_careless failed" in done.err
    model = Model.read(tmp_path / "out" / "onnx-fp32")
    assert model.lineage[-1].tool == "onnx_from_keras"
    assert "does not match its source" in model.notes[0]
    rejected = Model.read(tmp_path / "out" / "onnx-fp32.rejected")
    assert rejected.proof
    assert not rejected.proof.passed
    parted = edgekit("diff", zoo.keras, tmp_path / "out" / "onnx-fp32.rejected", home=tmp_path / "home")
    assert parted.code == 1, parted.err
    assert "The first to depart: logits (Dense)" in parted.out


def test_a_way_whose_package_is_missing_is_passed_over(zoo: Zoo, tmp_path: Path) -> None:
    done = convert_beside(zoo, tmp_path, "('a-package-nobody-has',)")
    assert done.code == 0, done.err
    (note,) = Model.read(tmp_path / "out" / "onnx-fp32").notes
    assert note == "The cheaper way by onnx_careless was passed over: not installed: a-package-nobody-has."
    assert not (tmp_path / "out" / "onnx-fp32.rejected").exists()


def test_explain_lists_the_ways_and_makes_nothing(zoo: Zoo, tmp_path: Path) -> None:
    done = convert_beside(zoo, tmp_path, "('a-package-nobody-has',)", "--explain", "--json")
    assert done.code == 0, done.err
    careless, direct, *others = done.json
    assert (careless["hops"], careless["missing"], careless["first"]) == (["onnx_careless"], ["a-package-nobody-has"], False)
    assert "pip install" in careless["fix"]
    assert (direct["hops"], direct["first"]) == (["onnx_from_keras"], True)
    assert ["tflite_from_keras", "onnx_from_tflite"] in [way["hops"] for way in others]
    assert not (tmp_path / "out").exists()


def convert_beside(zoo: Zoo, tmp_path: Path, needs: str, *words: str) -> Done:
    """Converts the tiny CNN to ONNX where the careless package is installed."""
    (tmp_path / "site").mkdir()
    env = package(tmp_path / "site", needs)
    out = ("--out", tmp_path / "out")
    return edgekit("convert", zoo.keras, "-t", "onnx-fp32", *out, *words, home=tmp_path / "home", env=env)
