"""Chooses the channels that matter least and builds the model again without them, the other weights copied."""

from __future__ import annotations

import copy
from typing import Any

from edgekit.trainers.keras_channels import DEPTHWISE, NORM, PRODUCERS, Graph, Layer

_LANES = 8
"""Channels come in eights where a layer has at least 16: XNNPACK, oneDNN and MLAS compute 8 or 16 of them at a time."""


def choose(graph: Graph, model: Any, amount: float) -> set[int]:
    """The channels (roots) to remove: in each group the share `amount` with the lowest importance."""
    scores = importance(graph, model)
    removed: set[int] = set()
    for roots in graph.groups().values():
        ranked = sorted(roots, key=lambda root: (scores[root], root))
        removed.update(ranked[: len(roots) - kept(len(roots), amount)])
    return removed


def kept(count: int, amount: float) -> int:
    """How many of `count` channels stay: at least one, and a multiple of 8 where there are 16 or more."""
    wanted = count * (1 - amount)
    if count < 2 * _LANES:
        return max(1, int(wanted + 0.5))
    return min(count, max(_LANES, int(wanted / _LANES + 0.5) * _LANES))


def importance(graph: Graph, model: Any) -> dict[int, float]:
    """Importance of each channel (root): the mean over all layers that make or scale it.

    A filter counts by its L2 norm (Li et al. 2017, arXiv:1608.08710), a normalization by the size of its scale (Liu et al.
    2017, arXiv:1708.06519), each relative to its layer's mean, so that layers of different size can be tied together.
    """
    found: dict[int, list[float]] = {}
    for layer in graph.layers.values():
        sizes = _sizes(layer, model.get_layer(layer.name))
        if sizes is None:
            continue
        mean = float(sizes.mean()) or 1.0
        for channel, size in zip(layer.outputs, sizes, strict=True):
            found.setdefault(graph.root(channel), []).append(float(size) / mean)
    return {root: sum(values) / len(values) for root, values in found.items()}


def rebuild(graph: Graph, model: Any, removed: set[int]) -> Any:
    """A new model without the channels `removed`; all other weights are the old ones."""
    from edgekit.trainers import keras_files

    _, keras = keras_files.engine()
    config = copy.deepcopy(dict(graph.config))
    for entry in config["layers"]:
        # The shapes that the old layers were built with; the new ones are built by the smaller tensors they are called on.
        entry.pop("build_config", None)
        layer = graph.layers.get(entry["config"]["name"])
        if layer is not None and layer.kind in PRODUCERS:
            entry["config"][PRODUCERS[layer.kind]] = len(_staying(graph, layer.outputs, removed))
    slim = keras.Model.from_config(config)
    for old in model.layers:
        layer, weights = graph.layers.get(old.name), old.get_weights()
        if layer is not None:
            inputs, outputs = _staying(graph, layer.inputs, removed), _staying(graph, layer.outputs, removed)
            names = [weight.name for weight in old.weights]
            weights = [_cut(layer, name, value, inputs, outputs) for name, value in zip(names, weights, strict=True)]
        if weights:
            slim.get_layer(old.name).set_weights(weights)
    return slim


def count(graph: Graph, removed: set[int]) -> tuple[int, int]:
    """How many channels the layers make together, before and after."""
    makers = [layer for layer in graph.layers.values() if layer.kind in PRODUCERS]
    before = sum(len(layer.outputs) for layer in makers)
    return before, sum(len(_staying(graph, layer.outputs, removed)) for layer in makers)


def _staying(graph: Graph, channels: list[int], removed: set[int]) -> list[int]:
    """Positions whose channel stays."""
    return [place for place, channel in enumerate(channels) if graph.root(channel) not in removed]


def _sizes(layer: Layer, keras_layer: Any) -> Any:
    """The size of each output channel in this layer's own weights, or None when it has none that say."""
    import numpy as np

    weights = {weight.name: weight.numpy() for weight in keras_layer.weights}
    if layer.kind == NORM:
        return np.abs(weights["gamma"]) if "gamma" in weights else None
    if layer.kind in DEPTHWISE:
        return np.sqrt((weights["kernel"] ** 2).reshape(-1, len(layer.outputs)).sum(axis=0))
    kernel = weights["pointwise_kernel" if "pointwise_kernel" in weights else "kernel"]
    return np.sqrt((kernel.reshape(-1, kernel.shape[-1]) ** 2).sum(axis=0))


def _cut(layer: Layer, name: str, value: Any, inputs: list[int], outputs: list[int]) -> Any:
    """The part of one weight that stays."""
    if name == "depthwise_kernel" or (layer.kind in DEPTHWISE and name == "kernel"):
        return value[..., inputs, :]
    if name == "pointwise_kernel":
        # It reads what the depthwise half makes: depth_multiplier channels for each input.
        each = value.shape[-2] // len(layer.inputs)
        return value[..., [place * each + k for place in inputs for k in range(each)], :][..., outputs]
    if name == "kernel":
        return value[..., inputs, :][..., outputs]
    return value[..., outputs]
