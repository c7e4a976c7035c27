"""The Python API as a notebook uses it: paths and plain values in, frozen typed values out, errors with a fix."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import edgekit
from edgekit import errors
from edgekit.core.model import Model
from edgekit.core.report import Report
from tests import tiny
from tests.integration.conftest import SmallRun


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of this session's API tests."""
    monkeypatch.setenv("EDGEKIT_HOME", str(tmp_path_factory.getbasetemp() / "api-home"))


@pytest.fixture
def calib(tmp_path: Path) -> Path:
    np.savez(tmp_path / "calib.npz", x=tiny.samples(40), y=tiny.answers(tiny.samples(40)).argmax(axis=1))
    return tmp_path / "calib.npz"


def test_convert_inspect_validate_bench_and_read_the_report(tmp_path: Path, calib: Path) -> None:
    source = tiny.onnx(tmp_path)
    made = edgekit.convert(source, ["onnx-int8", "openvino-fp32"], calib=calib, out=tmp_path / "out", min_agreement=0.8)
    assert [str(model.target) for model in made] == ["onnx-int8", "openvino-fp32"]
    int8 = made[0]
    assert isinstance(int8, Model)
    assert int8.file.is_file()
    assert int8.proof is not None
    assert int8.proof.passed
    assert int8 == Model.read(int8.path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        int8.digest = ""  # type: ignore[misc]

    found = edgekit.inspect(int8.path)
    assert isinstance(found, edgekit.Inspection)
    assert found.model == int8
    assert found.graph.macs == 12
    assert found.graph.integer_macs_share == 1.0

    (row,) = edgekit.validate(int8.path, calib, against=source)
    assert isinstance(row, edgekit.Validation)
    assert row.scores.samples == 40
    assert row.paired is not None

    report = edgekit.bench([int8.path, source], threads=[1], percentiles=[50], seconds=0.01, out=tmp_path / "bench")
    assert isinstance(report, Report)
    assert [entry.target for entry in report.entries] == ["onnx-int8", "onnx-fp32"]
    assert edgekit.load_report(tmp_path / "bench" / "report.json").entries == report.entries
    (page,) = edgekit.render(tmp_path / "bench", tmp_path / "again", ["html"])
    assert page == tmp_path / "again" / "report.html"


def test_one_target_is_given_as_a_word(tmp_path: Path) -> None:
    made = edgekit.convert(tiny.onnx(tmp_path), "openvino-fp16")
    assert [str(model.target) for model in made] == ["openvino-fp16"]
    assert made[0].path.parent == tmp_path
    assert made[0].path.is_dir()


def test_preprocessing_becomes_the_contract(small: SmallRun, tmp_path: Path) -> None:
    file = next(small.artifact("dense/tflite-fp32").glob("*.tflite"))
    said = edgekit.Preprocessing(mean=(0.0,), std=(255.0,))
    model = edgekit.import_model(file, tmp_path / "art", preprocessing=said, labels=list("0123456789"))
    assert model.contract is not None
    assert (model.contract.kind, model.contract.height, model.contract.channels) == ("image", 28, "gray")
    assert Model.read(tmp_path / "art") == model


def test_errors_are_edgekits_own(tmp_path: Path, calib: Path) -> None:
    source = tiny.onnx(tmp_path)
    with pytest.raises(errors.MissingFileError):
        edgekit.inspect(tmp_path / "none.onnx")
    with pytest.raises(errors.UnknownNameError) as unknown:
        edgekit.convert(source, "openvino-int9")
    assert "openvino-int8" in unknown.value.fix
    with pytest.raises(errors.DataError) as missing:
        edgekit.convert(source, "onnx-int8")
    assert "--calib" in missing.value.fix
    drawn = np.random.default_rng(1).normal(0, 1, (20_000, 4)).astype(np.float32)
    first, second = np.sort(tiny.answers(drawn), axis=1)[:, :-3:-1].T
    np.savez(tmp_path / "ties.npz", x=drawn[first - second < 0.004])
    with pytest.raises(errors.ProofError) as refused:
        edgekit.convert(source, "onnx-int8", calib=tmp_path / "ties.npz", out=tmp_path / "out", min_agreement=1.0)
    assert str(tmp_path / "out" / "onnx-int8.rejected") in refused.value.fix
    assert (tmp_path / "out" / "onnx-int8.rejected" / "edgekit.json").is_file()
    assert not (tmp_path / "out" / "onnx-int8").exists()


def test_what_there_is_comes_as_values() -> None:
    assert edgekit.recipes()["digits"].train.trainer == "keras"
    assert edgekit.devices()["raspberry-pi-5"].cores[0].count == 4
    assert {row.target: row.ready for row in edgekit.targets()}["tflite-int8"]
    assert {finding.status for finding in edgekit.doctor()} <= {"ok", "warning", "problem"}
