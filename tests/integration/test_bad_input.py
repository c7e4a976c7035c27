"""Wrong input, as a user types it: one screen, the fix, its own exit code, no traceback, nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.lazy import install_command
from tests import tiny
from tests.command import Done, edgekit, tree

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    return lambda *words, **options: edgekit(*words, home=home, cwd=tmp_path, **options)


def refused(done: Done, code: int, *words: str) -> None:
    """The command failed as it should: its own code, every word said, a fix, no traceback, one screen."""
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert "Fix: " in done.err
    assert len(done.err.splitlines()) < 24
    for word in words:
        assert word in done.err


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny.onnx(tmp_path)


def test_missing_file(run: Run, tmp_path: Path) -> None:
    refused(run("convert", "nope.keras", "--target", "tflite-fp32"), 3, "nope.keras does not exist")
    assert tree(tmp_path) == set()


def test_wrong_format(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    refused(run("inspect", "notes.txt"), 4, "notes.txt is not a model", ".tflite")


def test_a_folder_without_a_manifest(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    refused(run("inspect", "photos"), 4, "without edgekit.json")


@pytest.mark.parametrize("keep", [0, 4, 40, 0.5])
def test_truncated_model(run: Run, model: Path, tmp_path: Path, keep: float) -> None:
    data = model.read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    before = tree(tmp_path)
    refused(run("convert", cut, "--target", "openvino-fp32"), 5, "cut.onnx")
    assert tree(tmp_path) == before


def test_corrupted_tflite_with_a_right_beginning(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"\x1c\x00\x00\x00TFL3" + np.random.default_rng(0).bytes(4000))
    refused(run("inspect", bad), 5, "bad.tflite")


def test_a_changed_artifact_is_no_longer_proven(run: Run, model: Path, tmp_path: Path) -> None:
    assert run("import", model, "--out", "art").code == 0
    with (tmp_path / "art" / "float.onnx").open("ab") as stream:
        stream.write(b"\0")
    refused(run("inspect", "art"), 5, "digest differs")


def test_recipe_with_an_unknown_key_names_line_and_nearest(run: Run, tmp_path: Path) -> None:
    text = edgekit("recipes", "show", "digits", home=tmp_path).out
    lines = text.replace("epochs:", "epoch:").splitlines()
    (tmp_path / "mine.yaml").write_text("\n".join(lines))
    line = next(number for number, words in enumerate(lines, 1) if words.strip().startswith("epoch:"))
    refused(run("run", "mine.yaml"), 6, f"mine.yaml:{line}", "epoch", "did you mean `epochs`")
    assert not (tmp_path / "runs").exists()


def test_unknown_target_names_the_nearest(run: Run, model: Path) -> None:
    refused(run("convert", model, "--target", "tflite-in8"), 7, "tflite-in8", "Did you mean tflite-int8?")


def test_unknown_recipe_and_device(run: Run) -> None:
    refused(run("run", "digitz"), 7, "digits")
    refused(run("devices", "show", "raspbery-pi-5"), 7, "raspberry-pi-5")


@pytest.mark.parametrize(
    ("name", "array", "code", "words"),
    [
        ("shape", np.zeros((8, 7), np.float32) + np.arange(7, dtype=np.float32), 8, "[7]"),
        ("empty", np.zeros((0, 4), np.float32), 8, "at least one"),
        ("constant", np.ones((8, 4), np.float32), 8, "constant"),
        ("nan", np.where(np.eye(8, 4) > 0, np.nan, 1.0).astype(np.float32), 10, "NaN"),
        ("range", np.arange(32, dtype=np.uint8).reshape(8, 4), 8, "--std"),
    ],
)
def test_calibration_data_that_cannot_be_used(
    run: Run, model: Path, tmp_path: Path, name: str, array: np.ndarray, code: int, words: str
) -> None:
    np.savez(tmp_path / f"{name}.npz", x=array)
    before = tree(tmp_path)
    refused(run("convert", model, "--target", "onnx-int8", "--calib", f"{name}.npz", "--out", "out"), code, words)
    assert tree(tmp_path) == before


def test_calibration_is_asked_for(run: Run, model: Path, tmp_path: Path) -> None:
    refused(run("convert", model, "--target", "onnx-int8"), 8, "--calib")
    assert tree(tmp_path) == {model.name}


def test_images_without_a_contract(run: Run, model: Path, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "photos").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photos" / "a.png")
    refused(run("convert", model, "--target", "onnx-int8", "--calib", "photos"), 8, "--mean 0 --std 255")


def test_label_outside_the_classes(run: Run, model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=tiny.samples(6), y=np.array([0, 1, 2, 3, 0, 1]))
    refused(run("validate", model, "--data", "data.npz"), 9, "label 3", "3 classes")


def test_data_without_labels(run: Run, model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=tiny.samples(6))
    refused(run("validate", model, "--data", "data.npz"), 8, "no labels")


def test_model_with_dynamic_shapes(run: Run, tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "length", 4]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "dynamic", value[:1], value[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "d.onnx")
    refused(run("convert", "d.onnx", "--target", "openvino-fp32"), 11, "x float32[1, ?, 4]", "--shape x=1,SIZE,4")
    assert tree(tmp_path) == {"d.onnx"}
    target = ("convert", "d.onnx", "--target", "openvino-fp32")
    refused(run(*target, "--shape", "x=1,7,5"), 2, "does not fit")
    refused(run(*target, "--shape", "y=1,7,4"), 7, "There is: x")
    done = run(*target, "--shape", "x=1,7,4", "--json")
    assert done.code == 0, done.err
    assert done.json[0]["inputs"][0]["shape"] == [1, 7, 4]


def test_no_way_between_formats(run: Run, tmp_path: Path) -> None:
    refused(run("convert", tiny.openvino(tmp_path), "--target", "tflite-fp32"), 20, "openvino", "no other format")


def test_quantizing_twice(run: Run, model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", x=tiny.samples(40))
    done = run("convert", model, "--target", "onnx-int8", "--calib", "c.npz", "--out", "out", "--min-agreement", "0")
    assert done.code == 0, done.err
    refused(run("quantize", "out/onnx-int8", "--scheme", "int8", "--calib", "c.npz"), 20, "already onnx-int8")


def test_out_that_belongs_to_somebody_else(run: Run, model: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "out" / "openvino-fp32"
    thesis.mkdir(parents=True)
    (thesis / "chapter1").write_text("precious")
    refused(run("convert", model, "--target", "openvino-fp32", "--out", "out"), 2, "not written by edgekit")
    assert (thesis / "chapter1").read_text() == "precious"


def test_no_permission_to_write(run: Run, model: Path, tmp_path: Path, home: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    if os.access(locked, os.W_OK):  # root may write anywhere but into the kernel's own file systems
        if not Path("/proc/sys").is_dir():
            pytest.skip("root may write everywhere here, and there is no /proc")
        refused(run("convert", model, "--target", "openvino-fp32", "--out", "/proc/sys/out"), 13, "/proc/sys/out")
        return
    refused(run("convert", model, "--target", "openvino-fp32", "--out", locked / "out"), 13, "locked/out")


def test_no_disk_space(model: Path, tmp_path: Path, home: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = shutil.which("mount")
    made = (
        mount
        and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True).returncode == 0
    )
    if not made:
        pytest.skip("mounting a small file system needs root")
    try:
        (small / "filler").write_bytes(b"x" * 60_000)
        done = edgekit("convert", model, "--target", "openvino-fp32", "--out", small / "out", home=home, cwd=tmp_path)
        refused(done, 12, "full")
        assert tree(small) == {"filler"}
    finally:
        subprocess.run(["umount", small], check=True)


def test_missing_optional_package(model: Path, tmp_path: Path) -> None:
    """A package that is not there, as Python sees it: a finder that answers first and says so."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'openvino' else real(name, *rest)\n"
    )
    target = ("convert", model, "--target", "openvino-fp32")
    done = edgekit(*target, home=tmp_path / "home", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    refused(done, 14, "openvino is not installed", install_command("openvino"))


@pytest.mark.parametrize(
    "words", [("--percentiles", "50,100"), ("--threads", "0"), ("--seconds", "-1"), ("--threads", "a")], ids="=".join
)
def test_a_measurement_that_cannot_be(run: Run, model: Path, words: tuple[str, str]) -> None:
    refused(run("bench", model, *words), 2)


def test_json_errors_are_json(run: Run) -> None:
    done = run("inspect", "nope.onnx", "--json")
    assert done.code == 3
    assert done.json["exit_code"] == 3
    assert done.json["error"]["type"] == "MissingFileError"
    assert done.json["error"]["fix"]


def test_wrong_words_exit_with_2(run: Run) -> None:
    assert run("convert").code == 2 or "Usage" in run("convert").out
    assert run("convert", "x.onnx", "--targit", "tflite-int8").code == 2
    refused(run("convert", "x.onnx", "--target", "onnx-fp32", "--min-agreement", "7"), 2, "0 and 1")
    refused(run("convert", "x.onnx", "--target", "onnx-fp32", "--std", "a,b"), 2, "--std 1,2,3")
