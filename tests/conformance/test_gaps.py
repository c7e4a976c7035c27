"""Each gap that a plugin declares is tried: one that has closed fails here until its line is deleted from the plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import errors, registry
from edgekit.core.target import Precision
from tests.models import Zoo, quiet, work_for


def saved(network: Any, folder: Path) -> Path:
    network.save(folder / "model.keras")
    return folder / "model.keras"


def recurrent(folder: Path) -> Path:
    import keras

    return saved(keras.Sequential([keras.Input((6, 4)), keras.layers.GRU(5), keras.layers.Dense(3)]), folder)


def two_inputs(folder: Path) -> Path:
    import keras

    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    return saved(keras.Model([left, right], keras.layers.Dense(3)(keras.layers.Add()([left, right]))), folder)


def quantized(pass_name: str, model: Path, zoo: Zoo, folder: Path, sample: tuple[int, ...]) -> None:
    """Converts a Keras model to the pass's format and asks for static int8."""
    plugin = registry.get("passes", pass_name)
    ways = {
        "tflite": ["tflite_from_keras"],
        "onnx": ["onnx_from_keras"],
        "openvino": ["onnx_from_keras", "openvino_from_onnx"],
    }
    source, file = "keras", model
    for converter in ways[plugin.format.value]:
        file = zoo.convert(converter, source, file)
        source = registry.get("converters", converter).target.value
    np.save(folder / "calibration.npy", np.random.default_rng(0).normal(size=(8, *sample)).astype(np.float32))
    work = work_for(file, zoo.facts(source, file), folder / "out", folder / "calibration.npy")
    plugin.apply(work, Precision.INT8, quiet)


def several_inputs(pass_name: str) -> Callable[[Zoo, Path], None]:
    return lambda zoo, folder: quantized(pass_name, two_inputs(folder), zoo, folder, (4,))


def recurrent_to_openvino(zoo: Zoo, folder: Path) -> None:
    zoo.convert("openvino_from_onnx", "onnx", zoo.convert("onnx_from_keras", "keras", recurrent(folder)))


def gelu_from_tflite(zoo: Zoo, folder: Path) -> None:
    import keras

    dense = [keras.Input((4,)), keras.layers.Dense(8, activation=keras.activations.gelu), keras.layers.Dense(3)]
    model = saved(keras.Sequential(dense), folder)
    zoo.convert("onnx_from_tflite", "tflite", zoo.convert("tflite_from_keras", "keras", model))


def dynamic_onnx(zoo: Zoo, folder: Path) -> None:
    if Precision.INT8_DYNAMIC not in registry.get("passes", "quantize_onnx").precisions:
        raise errors.NoPathError("quantize_onnx does not make int8-dynamic.", fix="Use int8.")


def thread_change(zoo: Zoo, folder: Path) -> None:
    for threads in (1, 2):
        with registry.get("runtimes", "keras").open(zoo.keras, threads=threads) as session:
            session.run([zoo.fresh[:1]])


TRIALS: dict[tuple[str, str, str], Callable[[Zoo, Path], None]] = {
    ("passes", "quantize_tflite", "recurrent_int8"): lambda zoo, folder: quantized(
        "quantize_tflite", recurrent(folder), zoo, folder, (6, 4)
    ),
    ("passes", "quantize_tflite", "several_inputs_int8"): several_inputs("quantize_tflite"),
    ("passes", "quantize_onnx", "several_inputs_int8"): several_inputs("quantize_onnx"),
    ("passes", "quantize_onnx", "int8_dynamic"): dynamic_onnx,
    ("passes", "quantize_openvino", "several_inputs_int8"): several_inputs("quantize_openvino"),
    ("converters", "openvino_from_onnx", "recurrent"): recurrent_to_openvino,
    ("converters", "onnx_from_tflite", "gelu"): gelu_from_tflite,
    ("runtimes", "keras", "thread_change"): thread_change,
}
UNTRIED = {
    ("converters", "tflite_from_onnx", "control_flow"): "onnx2tf has an environment of its own",
    ("converters", "tflite_from_onnx", "channels_last"): "onnx2tf has an environment of its own",
    ("converters", "tflite_from_onnx", "large"): "a model of 2 GB is too much for a test",
}
DECLARED = {
    (kind, name, gap): reason
    for kind in registry.KINDS
    for name in registry.names(kind)
    for gap, reason in getattr(registry.get(kind, name), "gaps", {}).items()
}


def test_every_declared_gap_is_tried() -> None:
    assert set(DECLARED) <= TRIALS.keys() | UNTRIED.keys()


@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(
            TRIALS[key],
            id="-".join(key),
            marks=pytest.mark.xfail(strict=True, raises=errors.EdgekitError, reason=reason),
        )
        for key, reason in DECLARED.items()
        if key in TRIALS
    ],
)
def test_gap(trial: Callable[[Zoo, Path], None], zoo: Zoo, tmp_path: Path) -> None:
    trial(zoo, tmp_path)
