"""Every runtime opens real files, gives the model's own answer, and refuses bad files with a fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit import errors
from edgekit.core.session import Runtime
from edgekit.runtimes.litert import LiteRT
from edgekit.runtimes.onnxruntime import ONNXRuntime
from edgekit.runtimes.openvino import OpenVINO
from tests import tiny

FLOAT = [(LiteRT, tiny.tflite), (ONNXRuntime, tiny.onnx), (OpenVINO, tiny.openvino)]
every_float = pytest.mark.parametrize(("runtime", "build"), FLOAT, ids=[runtime.name for runtime, _ in FLOAT])


@every_float
def test_a_float_model_gives_its_answer(runtime: type[Runtime], build: Callable[[Path], Path], tmp_path: Path) -> None:
    rows = tiny.samples(4) * np.float32(1.001)  # not representable in bfloat16, which OpenVINO would choose by itself
    with runtime().open(build(tmp_path), threads=2) as session:
        found = np.concatenate([session.run([row[None]])[0] for row in rows])
    np.testing.assert_allclose(found, tiny.answers(rows), atol=1e-5)


@every_float
def test_inputs_and_outputs_have_the_names_a_user_gave_them(
    runtime: type[Runtime], build: Callable[[Path], Path], tmp_path: Path
) -> None:
    with runtime().open(build(tmp_path), threads=1) as session:
        assert [str(spec) for spec in (*session.inputs, *session.outputs)] == ["x float32[1, 4]", "y float32[1, 3]"]


@every_float
def test_a_bound_call_gives_the_same_answer_each_time(
    runtime: type[Runtime], build: Callable[[Path], Path], tmp_path: Path
) -> None:
    rows = tiny.samples(2)
    with runtime().open(build(tmp_path), threads=1) as session:
        first = session.bind([rows[:1]])
        kept = np.array(first()[0])
        np.testing.assert_array_equal(first()[0], kept)
        second = session.bind([rows[1:]])
        np.testing.assert_allclose(second()[0], tiny.answers(rows[1:]), atol=1e-5)
        np.testing.assert_array_equal(first()[0], kept)


@every_float
def test_a_feed_of_the_wrong_shape_or_type_is_refused(
    runtime: type[Runtime], build: Callable[[Path], Path], tmp_path: Path
) -> None:
    with runtime().open(build(tmp_path), threads=1) as session:
        with pytest.raises(ValueError, match=r"x takes shape \[1, 4\], got \[1, 5\]"):
            session.run([np.zeros((1, 5), np.float32)])
        with pytest.raises(ValueError, match="x takes float32, got float64"):
            session.run([np.zeros((1, 4), np.float64)])


@every_float
def test_a_truncated_file_is_a_corrupt_model(runtime: type[Runtime], build: Callable[[Path], Path], tmp_path: Path) -> None:
    file = build(tmp_path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(errors.CorruptModelError, match=file.name):
        runtime().open(file, threads=1)


@every_float
def test_a_missing_file_is_said_to_be_missing(runtime: type[Runtime], build: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(errors.MissingFileError):
        runtime().open(tmp_path / "none", threads=1)


def test_openvino_without_its_weights_is_a_corrupt_model(tmp_path: Path) -> None:
    file = tiny.openvino(tmp_path)
    file.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(errors.CorruptModelError):
        OpenVINO().open(file, threads=1)


def test_litert_reads_the_scale_from_the_file(tmp_path: Path) -> None:
    rows = tiny.samples(4)
    with LiteRT().open(tiny.tflite_int8(tmp_path), threads=1) as session:
        assert session.inputs == (tiny.INTEGER_INPUT,)
        assert session.outputs == (tiny.INTEGER_OUTPUT,)
        found = np.concatenate([session.run_real([row[None]])[0] for row in rows])
    np.testing.assert_allclose(found, tiny.answers(rows), atol=tiny.OUTPUT_SCALE / 2)


def test_onnx_takes_the_scale_from_the_manifest(tmp_path: Path) -> None:
    rows = tiny.samples(4)
    file = tiny.onnx_int8(tmp_path)
    with ONNXRuntime().open(file, threads=1, inputs=(tiny.INTEGER_INPUT,), outputs=(tiny.INTEGER_OUTPUT,)) as session:
        found = np.concatenate([session.run_real([row[None]])[0] for row in rows])
    np.testing.assert_allclose(found, tiny.answers(rows), atol=tiny.OUTPUT_SCALE / 2)


@pytest.mark.parametrize(
    ("runtime", "build", "batch"),
    [(LiteRT, tiny.tflite, -1), (ONNXRuntime, tiny.onnx, "batch")],
    ids=["litert", "onnxruntime"],
)
def test_an_open_dimension_is_none_and_takes_any_size(
    runtime: type[Runtime], build: Callable[..., Path], batch: int | str, tmp_path: Path
) -> None:
    with runtime().open(build(tmp_path, batch=batch), threads=1) as session:
        assert session.inputs[0].shape == (None, 4)
        for count in (3, 1, 2):
            rows = tiny.samples(count)
            np.testing.assert_allclose(session.run([rows])[0], tiny.answers(rows), atol=1e-5)
        two, three = session.bind([tiny.samples(2)]), session.bind([tiny.samples(3)])
        assert [len(call()[0]) for call in (two, three, two)] == [2, 3, 2]
