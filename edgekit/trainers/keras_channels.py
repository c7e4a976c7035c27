"""Which channels of a Keras model belong together: a removed one must go from every layer that makes or reads it.

Each channel that a layer makes gets a number, and each tensor a vector of the numbers along its last axis. Layers that
pass channels on pass the vector on; a sum ties the channels of its inputs together (the groups of DepGraph, Fang et al.
2023, arXiv:2301.12900). What reaches an output or an unknown layer is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgekit.errors import UnsupportedModelError

Key = tuple[str, int, int]
"""A tensor: the layer that made it, which call of the layer, which output of the call."""

PRODUCERS = {
    "Conv1D": "filters",
    "Conv2D": "filters",
    "SeparableConv1D": "filters",
    "SeparableConv2D": "filters",
    "Dense": "units",
}
"""Layers that make new channels, with the setting that says how many."""

DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")

NORM = "BatchNormalization"

_JOINS = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")

_PASSING = (
    "ReLU", "LeakyReLU", "ELU", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout",
    "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "ZeroPadding1D", "ZeroPadding2D",
    "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D",
)  # fmt: skip
"""Layers that treat each channel alone and have no weights."""

_ACROSS_CHANNELS = ("softmax", "log_softmax", "sparsemax", "glu")
"""Activations in which every channel depends on all others."""


@dataclass
class Layer:
    """One layer with weights: its channels in and out, as numbers."""

    name: str
    kind: str
    inputs: list[int]
    outputs: list[int]


@dataclass
class Graph:
    """The channels of a model.

    Attributes:
        layers: Layers with channels, by name.
        config: The model's own configuration, a Functional one.
    """

    config: Mapping[str, Any]
    layers: dict[str, Layer] = field(default_factory=dict)
    _parent: list[int] = field(default_factory=list)
    _kept: dict[int, str] = field(default_factory=dict)
    _vectors: dict[Key, list[int]] = field(default_factory=dict)

    def root(self, channel: int) -> int:
        """The channel that stands for all those tied to `channel`."""
        while self._parent[channel] != channel:
            self._parent[channel] = self._parent[self._parent[channel]]
            channel = self._parent[channel]
        return channel

    def groups(self) -> dict[tuple[str, ...], list[int]]:
        """Removable channels (roots) by the layers that make them, so that each layer can keep a round number."""
        makers: dict[int, set[str]] = {}
        for layer in self.layers.values():
            if layer.kind in PRODUCERS:
                for channel in layer.outputs:
                    makers.setdefault(self.root(channel), set()).add(layer.name)
        kept = {self.root(channel) for channel in self._kept}
        found: dict[tuple[str, ...], list[int]] = {}
        for root, names in makers.items():
            if root not in kept:
                found.setdefault(tuple(sorted(names)), []).append(root)
        return found

    def notes(self) -> tuple[str, ...]:
        """Why channels were left alone, in plain sentences; the model's outputs need no reason."""
        return tuple(dict.fromkeys(reason for reason in self._kept.values() if reason))

    def new(self, count: int) -> list[int]:
        """Numbers for `count` new channels."""
        start = len(self._parent)
        self._parent.extend(range(start, start + count))
        return list(range(start, start + count))

    def tie(self, one: list[int], other: list[int]) -> None:
        """Ties channels position by position."""
        for a, b in zip(one, other, strict=True):
            self._parent[self.root(a)] = self.root(b)

    def keep(self, channels: list[int], reason: str) -> None:
        """Keeps channels; `reason` is for the user, or empty."""
        for channel in channels:
            self._kept.setdefault(channel, reason)

    def keep_tensor(self, key: Key) -> None:
        """Keeps the channels of one of the model's outputs."""
        self.keep(self._vectors.get(key, []), "")

    def vector(self, tensor: Mapping[str, Any]) -> list[int]:
        """The channels along the last axis of a tensor; those of a tensor nobody follows are new, and kept."""
        key = _key(tensor["keras_history"])
        if key not in self._vectors:
            self._vectors[key] = self.new(tensor["shape"][-1] or 0)
            self.keep(self._vectors[key], "")
        return self._vectors[key]

    def put(self, name: str, channels: list[int]) -> None:
        """Says what the only output of layer `name` holds."""
        self._vectors[(name, 0, 0)] = channels


def read(model: Any) -> Graph:
    """The channels of a Functional or Sequential model.

    Raises:
        UnsupportedModelError: The model has no graph that can be read (subclassed).
    """
    from edgekit.trainers import keras_files

    _, keras = keras_files.engine()
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    config = model.get_config()
    if "layers" not in config or "output_layers" not in config:
        raise UnsupportedModelError(
            "A subclassed Keras model does not say how its layers are connected.",
            fix="Rebuild it with the functional API (keras.Model(inputs, outputs)), or use method magnitude.",
        )
    graph = Graph(config)
    for entry in config["layers"]:
        _read_layer(graph, entry)
    for key in _histories(config["output_layers"]):
        graph.keep_tensor(key)
    return graph


def _read_layer(graph: Graph, entry: Mapping[str, Any]) -> None:
    calls = [_tensors(call) for call in entry["inbound_nodes"]]
    if not calls:
        return  # an input; its channels are given
    kind, config = entry["class_name"], entry["config"]
    known = entry["module"] == "keras.layers" and len(calls) == 1 and config.get("data_format") != "channels_first"
    handler = _handler(kind, config, calls[0]) if known else None
    if handler is None:
        for tensor in (tensor for call in calls for tensor in call):
            graph.keep(
                graph.vector(tensor),
                f"Channels that reach layer {entry['config'].get('name', entry['name'])} ({kind}) were kept.",
            )
        return
    handler(graph, entry["config"]["name"], config, calls[0])


Handler = Callable[[Graph, str, Mapping[str, Any], list[Mapping[str, Any]]], None]


def _handler(kind: str, config: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> Handler | None:
    """What to do with a layer, or None when its way with channels is not known."""
    rank = len(tensors[0]["shape"])
    if kind in PRODUCERS and config.get("groups", 1) == 1:
        return lambda *rest: _produce(kind, *rest)
    if kind in DEPTHWISE:
        return _depthwise
    if kind == NORM and config["axis"] in (-1, rank - 1):
        return _normalize
    if kind in _PASSING or (kind == "Activation" and _alone(config["activation"])):
        return lambda graph, name, _, inputs: graph.put(name, graph.vector(inputs[0]))
    if kind in _JOINS and len({tuple(tensor["shape"][-1:]) for tensor in tensors}) == 1:
        return _join
    if kind == "Concatenate":
        return _concatenate if config["axis"] in (-1, rank - 1) else _join
    if kind == "Flatten" and None not in tensors[0]["shape"][1:]:
        return _flatten
    return None


def _alone(activation: Any) -> bool:
    """Whether an activation treats each channel alone; one that is not a name is somebody's own function."""
    return activation is None or (isinstance(activation, str) and activation not in _ACROSS_CHANNELS)


def _produce(kind: str, graph: Graph, name: str, config: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> None:
    made = graph.new(config[PRODUCERS[kind]])
    if not _alone(config.get("activation")):
        graph.keep(made, f"The channels of {name} were kept, because its activation may mix them.")
    graph.layers[name] = Layer(name, kind, graph.vector(tensors[0]), made)
    graph.put(name, made)


def _depthwise(graph: Graph, name: str, config: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> None:
    inputs = graph.vector(tensors[0])
    outputs = [channel for channel in inputs for _ in range(config["depth_multiplier"])]
    graph.layers[name] = Layer(name, DEPTHWISE[-1], inputs, outputs)
    graph.put(name, outputs)


def _normalize(graph: Graph, name: str, _: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> None:
    channels = graph.vector(tensors[0])
    graph.layers[name] = Layer(name, NORM, channels, channels)
    graph.put(name, channels)


def _join(graph: Graph, name: str, _: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> None:
    first, *others = [graph.vector(tensor) for tensor in tensors]
    for other in others:
        graph.tie(first, other)
    graph.put(name, first)


def _concatenate(graph: Graph, name: str, _: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> None:
    graph.put(name, [channel for tensor in tensors for channel in graph.vector(tensor)])


def _flatten(graph: Graph, name: str, _: Mapping[str, Any], tensors: list[Mapping[str, Any]]) -> None:
    places = 1
    for size in tensors[0]["shape"][1:-1]:
        places *= size
    graph.put(name, graph.vector(tensors[0]) * places)


def _tensors(value: Any) -> list[Mapping[str, Any]]:
    """Every tensor in the serialized arguments of a call, in order."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return [value["config"]]
        return [tensor for item in value.values() for tensor in _tensors(item)]
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


def _histories(value: Any) -> list[Key]:
    """Every `[layer, call, output]` in a nest of them."""
    if isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[0], str):
        return [_key(value)]
    items = value.values() if isinstance(value, Mapping) else value
    return [key for item in items for key in _histories(item)]


def _key(history: Any) -> Key:
    name, call, output = history
    return str(name), int(call), int(output)
