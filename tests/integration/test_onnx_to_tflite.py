"""ONNX to TFLite through the real onnx2tf, which is installed first: from the command line to a proven artifact."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import tiny
from tests.command import Done, edgekit

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with onnx2tf installed."""
    try:
        urllib.request.urlopen("https://pypi.org/simple/onnx2tf/", timeout=10).close()
    except (urllib.error.URLError, OSError) as problem:
        pytest.skip(f"the package index cannot be reached: {problem}")
    folder = tmp_path_factory.mktemp("home")
    done = edgekit("toolchains", "install", "onnx2tf", "--json", home=folder)
    if "uv python install 3.12" in done.out:
        pytest.skip("there is no Python 3.12 here")
    assert done.code == 0, done.out
    assert done.json["installed"]
    return folder


def save(file: Path, nodes: Sequence[Any], x: list[Any], y: list[Any], weights: dict[str, Any]) -> Path:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    constants = [
        numpy_helper.from_array((0.2 * random.standard_normal(shape)).astype(np.float32), name)
        for name, shape in weights.items()
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x:0", x), ("y", y))]
    graph = helper.make_graph(list(nodes), "net", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(file))
    return file


def cnn(file: Path, channels: int) -> Path:
    """Channel-first, open batch: convolution, depthwise, residual, pooling, dense."""
    from onnx.helper import make_node

    nodes = [
        make_node("Conv", ["x:0", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        make_node("Relu", ["c1"], ["r1"]),
        make_node("Conv", ["r1", "w2", "b2"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=8),
        make_node("HardSwish", ["c2"], ["r2"]),
        make_node("Add", ["r1", "r2"], ["s"]),
        make_node("GlobalAveragePool", ["s"], ["p"]),
        make_node("Flatten", ["p"], ["f"]),
        make_node("Gemm", ["f", "w3", "b3"], ["y"], transB=1),
    ]
    weights = {"w1": (8, channels, 3, 3), "b1": (8,), "w2": (8, 1, 3, 3), "b2": (8,), "w3": (10, 8), "b3": (10,)}
    return save(file, nodes, ["n", channels, 16, 20], ["n", 10], weights)


def mlp(file: Path) -> Path:
    from onnx.helper import make_node

    nodes = [
        make_node("Gemm", ["x:0", "a", "b"], ["h"]),
        make_node("Relu", ["h"], ["r"]),
        make_node("MatMul", ["r", "c"], ["y"]),
    ]
    return save(file, nodes, [1, 20], [1, 4], {"a": (20, 32), "b": (32,), "c": (32, 4)})


def segmentation(file: Path) -> Path:
    """Channel-first in and out."""
    from onnx.helper import make_node

    nodes = [
        make_node("Conv", ["x:0", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        make_node("Relu", ["c1"], ["r1"]),
        make_node("ConvTranspose", ["r1", "w2"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    return save(file, nodes, [1, 3, 16, 16], [1, 16, 16, 16], {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 16, 2, 2)})


def convert(file: Path, home: Path, *words: object) -> Done:
    return edgekit("convert", file, "--json", *words, home=home)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_channel_first_cnn_keeps_names_and_layout_and_quantizes(channels: int, home: Path, tmp_path: Path) -> None:
    file = cnn(tmp_path / "cnn.onnx", channels)
    before = file.read_bytes()
    samples = np.random.default_rng(1).standard_normal((40, channels, 16, 20)).astype(np.float32)
    np.save(tmp_path / "samples.npy", samples)
    done = convert(file, home, "-t", "tflite-fp32", "-t", "tflite-int8", "--calib", tmp_path / "samples.npy")
    assert done.code == 0, done.out
    fp32, int8 = (json.loads((tmp_path / f"cnn-{t}" / "edgekit.json").read_text()) for t in ("tflite-fp32", "tflite-int8"))
    assert file.read_bytes() == before
    assert fp32["inputs"][0]["name"] == "x:0"
    assert fp32["inputs"][0]["shape"] == [1, channels, 16, 20]
    assert fp32["outputs"][0]["name"] == "y"
    assert fp32["proof"]["reasons"] == []
    assert int8["proof"]["reasons"] == []
    # A single channel lies in memory alike first and last: only three must be turned.
    assert any("1 transpose left" in note for note in fp32["notes"]) == (channels == 3)


def test_a_perceptron_quantizes_though_one_layer_is_a_bare_matrix_product(home: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "samples.npy", np.random.default_rng(1).standard_normal((40, 20)).astype(np.float32))
    file = mlp(tmp_path / "mlp.onnx")
    done = convert(file, home, "-t", "tflite-fp32", "-t", "tflite-int8", "--calib", tmp_path / "samples.npy")
    assert done.code == 0, done.out


def test_an_output_whose_sides_cannot_be_told_apart_keeps_its_order(home: Path, tmp_path: Path) -> None:
    done = convert(segmentation(tmp_path / "seg.onnx"), home, "-t", "tflite-fp32")
    assert done.code == 0, done.out


def test_the_same_model_gives_the_same_bytes(home: Path, tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        file = cnn(tmp_path / name / "cnn.onnx", 3)
        environment = {"EDGEKIT_HOME": str(tmp_path / name / "home")}
        (tmp_path / name / "home").mkdir()
        (tmp_path / name / "home" / "toolchains").symlink_to(home / "toolchains")
        done = edgekit("convert", file, "-t", "tflite-fp32", "--json", home=home, env=environment)
        assert done.code == 0, done.out
        made.append((tmp_path / name / "cnn-tflite-fp32" / "model.tflite").read_bytes())
    assert made[0] == made[1]


def test_an_operator_without_a_tflite_form_is_named(home: Path, tmp_path: Path) -> None:
    from onnx.helper import make_node

    file = save(tmp_path / "det.onnx", [make_node("Det", ["x:0"], ["y"])], [1, 4, 4], [1], {})
    done = convert(file, home, "-t", "tflite-fp32")
    assert done.code == 15
    assert "ONNX_DET" in done.json["error"]["message"]
    assert not (tmp_path / "det-tflite-fp32").exists()


def test_it_works_without_network_and_is_gone_after_remove(home: Path, tmp_path: Path) -> None:
    away = {"UV_OFFLINE": "1", "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    done = edgekit("convert", tiny.onnx(tmp_path), "-t", "tflite-fp32", "--json", home=home, env=away)
    assert done.code == 0, done.out
    assert edgekit("toolchains", "remove", "onnx2tf", "--json", home=home).json["freed_bytes"] > 100_000_000
    assert not edgekit("toolchains", "list", "--json", home=home).json[0]["installed"]
