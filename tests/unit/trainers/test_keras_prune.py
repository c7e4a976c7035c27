"""Pruning: dead channels go without a trace through sums, concatenations and flattening; the rest is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.protocols import Made, Work
from edgekit.errors import RecipeError, UnsupportedModelError
from edgekit.trainers.keras import KerasTrainer
from edgekit.trainers.keras_slim import kept

keras = pytest.importorskip("keras", reason="Keras (extra keras) is not installed")
layers = keras.layers

Prune = Callable[..., tuple[Made, Any]]


@pytest.fixture
def prune(tmp_path: Path) -> Prune:
    def run(model: Any, method: str = "channels", amount: float = 0.5) -> tuple[Made, Any]:
        model.save(tmp_path / "model.keras")
        (tmp_path / "out").mkdir()
        made = KerasTrainer().prune(Work(tmp_path / "model.keras", tmp_path / "out", (), ()), method, amount, lambda _: None)
        return made, keras.saving.load_model(tmp_path / "out" / made.file)

    return run


def _randomize(model: Any, dead: dict[str, Any]) -> None:
    """Random weights everywhere, running statistics too; the channels `dead[layer]` of a layer make exactly zero."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            value = rng.uniform(0.5, 1.5, weight.shape) * rng.choice([-1, 1], weight.shape)
            value = np.abs(value) if weight.name == "moving_variance" else value
            if layer.name in dead and weight.name in ("kernel", "pointwise_kernel", "bias", "gamma", "beta"):
                value[..., dead[layer.name]] = 0
            values.append(value)
        layer.set_weights(values)


def _same_answers(model: Any, other: Any) -> bool:
    x = np.random.default_rng(1).normal(size=(4, *model.input_shape[1:])).astype(np.float32)
    one, two = model.predict(x, verbose=0), other.predict(x, verbose=0)
    assert np.ptp(one) > 0.1
    return bool(np.allclose(one, two, rtol=1e-4, atol=1e-4 * np.abs(one).max()))


EVEN = slice(0, None, 2)


def test_dead_channels_of_a_residual_net_go_without_a_trace(prune: Prune) -> None:
    from edgekit.trainers.keras_architectures import build

    model = build("depthwise_cnn", (12, 12, 1), 4, {"width": 16, "blocks": 2})
    names = ["stem", "block1_pointwise", "block2_pointwise", "block3_pointwise", "block4_pointwise"]
    norms = [f"{name}_norm" for name in [*names, *(f"block{i}_depthwise" for i in (1, 2, 3, 4))]]
    _randomize(model, dict.fromkeys([*names, *norms], EVEN))
    made, slim = prune(model)
    assert [slim.get_layer(name).filters for name in names] == [8, 16, 32, 32, 32]
    assert _same_answers(model, slim)
    assert slim.count_params() < model.count_params() / 3
    assert [tensor.name for tensor in slim.inputs] == ["image"]
    assert "Removed 120 of 244 channels (49 %)" in made.notes[0]


def test_sums_tie_their_layers_and_only_the_least_important_go(prune: Prune) -> None:
    image = layers.Input((8, 8, 3))
    one = layers.Conv2D(16, 3, padding="same", name="one")(image)
    two = layers.Conv2D(16, 1, name="two")(image)
    x = layers.GlobalAveragePooling2D()(layers.Add()([one, two]))
    model = keras.Model(image, layers.Dense(3)(x))
    _randomize(model, {})
    for name in ("one", "two"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel * np.where(np.arange(16) < 8, 1.0, 0.1))
    _, slim = prune(model)
    for name in ("one", "two"):
        assert np.array_equal(slim.get_layer(name).kernel, model.get_layer(name).kernel[..., :8])


def test_concatenation_flattening_and_separable_layers_work(prune: Prune) -> None:
    image = layers.Input((8, 8, 3))
    one = layers.Conv2D(16, 3, padding="same", activation="relu", name="one")(image)
    two = layers.SeparableConv2D(16, 3, padding="same", depth_multiplier=2, name="two")(one)
    x = layers.Concatenate()([one, image, two])
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(x)
    x = layers.MaxPooling2D()(layers.ZeroPadding2D()(x))
    x = layers.Dense(16, activation="relu", name="three")(layers.Dropout(0.5)(layers.Flatten()(x)))
    model = keras.Model(image, layers.Dense(3, name="last")(x))
    _randomize(model, dict.fromkeys(["one", "two", "three"], EVEN))
    _, slim = prune(model)
    assert (slim.get_layer("one").filters, slim.get_layer("two").filters, slim.get_layer("three").units) == (8, 8, 8)
    assert _same_answers(model, slim)


def test_a_sequential_model_works(prune: Prune) -> None:
    model = keras.Sequential(
        [
            keras.Input((16, 3)),
            layers.Conv1D(16, 3, name="one"),
            layers.BatchNormalization(name="norm"),
            layers.Activation("relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3),
        ]
    )
    _randomize(model, dict.fromkeys(["one", "norm"], EVEN))
    _, slim = prune(model)
    assert slim.get_layer("one").filters == 8
    assert _same_answers(model, slim)


def test_channels_that_reach_an_unknown_layer_stay_and_are_noted(prune: Prune) -> None:
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, name="free", activation="relu")(image)
    x = layers.Conv2D(16, 3, name="bound")(x)
    x = layers.LayerNormalization(name="norm")(x)
    shared = layers.Conv2D(16, 1, name="shared")
    x = layers.GlobalAveragePooling2D()(shared(shared(x)))
    model = keras.Model(image, layers.Dense(3)(x))
    _randomize(model, {"free": EVEN})
    made, slim = prune(model)
    assert slim.get_layer("free").filters == 8
    assert slim.get_layer("bound").filters == slim.get_layer("shared").filters == 16
    assert "Channels that reach layer norm (LayerNormalization) were kept." in made.notes
    assert _same_answers(model, slim)


def test_nothing_to_prune_is_an_error(prune: Prune) -> None:
    with pytest.raises(UnsupportedModelError, match="No channels"):
        prune(keras.Sequential([keras.Input((5,)), layers.Dense(4)]))


def test_what_stays_is_round_for_simd() -> None:
    assert [kept(count, 0.5) for count in (1, 3, 10, 15, 16, 24, 32, 100)] == [1, 2, 5, 8, 8, 16, 16, 48]
    assert kept(64, 0.95) == 8
    assert kept(64, 0.01) == 64


def test_magnitude_zeroes_the_share_asked_for_and_empties_no_layer(prune: Prune) -> None:
    from edgekit.trainers.keras_architectures import build

    model = build("depthwise_cnn", (12, 12, 1), 4, {"width": 8, "blocks": 1})
    model.get_layer("block1_depthwise").kernel.assign(model.get_layer("block1_depthwise").kernel * 1e-3)
    made, sparse = prune(model, "magnitude", 0.8)
    kernels = [weight.numpy() for weight in sparse.trainable_variables if weight.name == "kernel"]
    zeros, count = sum(int((k == 0).sum()) for k in kernels), sum(k.size for k in kernels)
    assert zeros == int(0.8 * count + 0.5)
    assert all((k != 0).any() for k in kernels)
    assert f"{zeros:,} of {count:,} kernel weights (80 %)" in made.notes[0]
    old, new = model.get_layer("block2_pointwise").kernel.numpy(), sparse.get_layer("block2_pointwise").kernel.numpy()
    assert np.array_equal(new[new != 0], old[new != 0])
    assert np.abs(old[new == 0]).max() <= np.abs(old[new != 0]).min()
    for before, after in zip(model.weights, sparse.weights, strict=True):
        if before.name != "kernel":
            assert np.array_equal(before, after)


@pytest.mark.parametrize(("method", "amount"), [("channel", 0.5), ("channels", 1.0), ("magnitude", 0.0)])
def test_wrong_methods_and_amounts_are_refused(prune: Prune, method: str, amount: float) -> None:
    with pytest.raises(RecipeError):
        prune(keras.Sequential([keras.Input((5,)), layers.Dense(4)]), method, amount)
