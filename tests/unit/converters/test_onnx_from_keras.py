from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.converters._onnx_graph import check_operators
from edgekit.errors import ConversionError
from tests.models import Zoo, snr_db


def run(file: Path, feeds: dict[str, Any]) -> list[Any]:
    import onnxruntime

    return list(onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(None, feeds))


def kinds(file: Path) -> list[str]:
    import onnx

    return [node.op_type for node in onnx.load(str(file)).graph.node]


def test_same_answers_as_keras_without_a_transpose_before_the_pooling(zoo: Zoo) -> None:
    made = np.concatenate([run(zoo.onnx, {"image": sample[None]})[0] for sample in zoo.fresh])
    assert snr_db(zoo.answers, made) > 100
    assert kinds(zoo.onnx).count("Transpose") == 1  # of the input, whose channels are last
    assert "GlobalAveragePool" in kinds(zoo.onnx)


def test_exact_gelu_and_layer_norm_run(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    words = keras.Input((6, 8), name="words")
    mixed = layers.LayerNormalization()(words + layers.MultiHeadAttention(2, 4)(words, words))
    model = keras.Model(words, layers.Dense(3, name="mood")(layers.Dense(8, activation="gelu")(mixed)))
    model.save(tmp_path / "attention.keras")
    file = zoo.convert("onnx_from_keras", "keras", tmp_path / "attention.keras")
    feed = np.random.default_rng(1).normal(size=(1, 6, 8)).astype(np.float32)
    assert snr_db(model(feed), run(file, {"words": feed})[0]) > 100


def test_two_inputs_two_outputs_and_a_loop_keep_order_and_names(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    sound, speaker = keras.Input((6, 4), name="sound"), keras.Input((1,), dtype="int32", name="a_speaker")
    state = layers.Concatenate()([layers.GRU(5)(sound), layers.Flatten()(layers.Embedding(9, 3)(speaker))])
    model = keras.Model([sound, speaker], [layers.Dense(3, name="zeta")(state), layers.Dense(2, name="alpha")(state)])
    model.save(tmp_path / "two.keras")
    file = zoo.convert("onnx_from_keras", "keras", tmp_path / "two.keras")
    facts = zoo.facts("onnx", file)
    assert [spec.name for spec in facts.inputs] == ["sound", "a_speaker"]
    assert [spec.name for spec in facts.outputs] == ["zeta", "alpha"]
    feeds = {
        "sound": np.random.default_rng(0).normal(size=(1, 6, 4)).astype(np.float32),
        "a_speaker": np.array([[4]], np.int32),
    }
    for reference, output in zip(model(list(feeds.values())), run(file, feeds), strict=True):
        assert snr_db(reference, output) > 100


def test_operator_outside_the_standard_is_named() -> None:
    from onnx import helper

    ends = [helper.make_tensor_value_info(name, 1, [2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Bessel", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    with pytest.raises(ConversionError, match="holds Bessel"):
        check_operators(model)
