"""Small image and vector classifiers in Keras, made of what int8 runtimes run fast; they end in logits, not in softmax."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from edgekit import lazy, registry
from edgekit.errors import RecipeError

MOMENTUM = 0.9
"""Of the running mean and variance in batch normalization; Keras' 0.99 needs more steps than a small data set gives."""


def build(name: str, shape: tuple[int, ...], classes: int, options: Mapping[str, Any]) -> Any:
    """A new `keras.Model` from `float32[n, *shape]` ("image") to `float32[n, classes]` ("logits").

    Args:
        name: Name of an architecture.
        shape: Shape of one sample.
        classes: Number of classes.
        options: What the architecture takes beside that, such as {"width": 32}.

    Raises:
        UnknownNameError: No such architecture.
        RecipeError: An option it does not take, or samples of a shape it cannot read.
    """
    if name not in ARCHITECTURES:
        raise registry.unknown("architecture", name, ARCHITECTURES)
    architecture = ARCHITECTURES[name]
    known = [p for p in inspect.signature(architecture).parameters if p not in ("shape", "classes")]
    for key in options:
        if key not in known:
            near = registry.nearest(key, known)
            hint = f"Did you mean {near}? " if near else ""
            raise RecipeError(
                f"Architecture {name} has no option {key!r}.", fix=f"{hint}It takes: {', '.join(known)} (train.options)."
            )
    if name != "mlp" and len(shape) != 3:
        raise RecipeError(
            f"Architecture {name} takes images, but a sample has shape {list(shape)}.",
            fix="Use `architecture: mlp`, or data and a contract that give [height, width, channels].",
        )
    return architecture(shape, classes, **options)


def depthwise_cnn(shape: tuple[int, ...], classes: int, width: int = 24, blocks: int = 3, dropout: float = 0.0) -> Any:
    """Depthwise-separable blocks with residual sums (after MobileNet, arXiv:1704.04861, and ResNet, arXiv:1512.03385).

    Args:
        shape: `[h, w, c]` of one image.
        classes: Number of classes.
        width: Channels of the first convolution; the last ones have four times as many. Multiples of 8 suit SIMD.
        blocks: Blocks at the last resolution, each with a residual sum.
        dropout: Share of the pooled features that a training step drops.
    """
    layers = _layers()
    image = layers.Input(shape, name="image")
    x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = _normalized(x, "stem")
    x = _separable(x, 2 * width, 1, "block1")
    x = _separable(x, 4 * width, 2, "block2")
    for index in range(blocks):
        x = _separable(x, 4 * width, 1, f"block{index + 3}")
    return _head(image, x, classes, dropout, "depthwise_cnn")


def cnn(shape: tuple[int, ...], classes: int, width: int = 16, dropout: float = 0.0) -> Any:
    """Three plain convolutions, each halving the image: the model to compare a cleverer one with."""
    layers = _layers()
    image = layers.Input(shape, name="image")
    x = image
    for index, channels in enumerate((width, 2 * width, 4 * width), start=1):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False, name=f"conv{index}")(x)
        x = _normalized(x, f"conv{index}")
    return _head(image, x, classes, dropout, "cnn")


def mlp(shape: tuple[int, ...], classes: int, width: int = 128, hidden: int = 1, dropout: float = 0.0) -> Any:
    """Dense layers on the flattened sample: for vectors and tables."""
    layers = _layers()
    sample = layers.Input(shape, name="image")
    x = layers.Flatten(name="flatten")(sample) if len(shape) > 1 else sample
    for index in range(hidden):
        x = layers.Dense(width, activation="relu", name=f"dense{index + 1}")(x)
    return _model(sample, _dropped(x, dropout), classes, "mlp")


ARCHITECTURES: dict[str, Callable[..., Any]] = {"depthwise_cnn": depthwise_cnn, "cnn": cnn, "mlp": mlp}


def _layers() -> Any:
    return lazy.require("keras", extra="keras").layers


def _normalized(x: Any, name: str, *, activate: bool = True) -> Any:
    layers = _layers()
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    # ReLU6 bounds the range that int8 has to cover (arXiv:1704.04861, section 4.1 of arXiv:1712.05877).
    return layers.ReLU(max_value=6.0, name=f"{name}_relu")(x) if activate else x


def _separable(x: Any, channels: int, strides: int, name: str) -> Any:
    layers = _layers()
    y = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    y = _normalized(y, f"{name}_depthwise")
    y = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_pointwise")(y)
    y = _normalized(y, f"{name}_pointwise", activate=False)
    if strides == 1 and x.shape[-1] == channels:
        y = layers.Add(name=f"{name}_add")([x, y])
    return layers.ReLU(max_value=6.0, name=f"{name}_relu")(y)


def _head(image: Any, x: Any, classes: int, dropout: float, name: str) -> Any:
    pooled = _layers().GlobalAveragePooling2D(name="pool")(x)
    return _model(image, _dropped(pooled, dropout), classes, name)


def _dropped(x: Any, share: float) -> Any:
    return _layers().Dropout(share, name="dropout")(x) if share else x


def _model(inputs: Any, x: Any, classes: int, name: str) -> Any:
    keras = lazy.require("keras", extra="keras")
    return keras.Model(inputs, _layers().Dense(classes, name="logits")(x), name=name)
