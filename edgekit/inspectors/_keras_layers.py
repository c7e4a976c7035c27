"""Which layers of a Keras model do the work, and the multiply-accumulates of one call of each."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from edgekit.core.graph import einsum_macs

Shape = tuple[int, ...]

_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_PRODUCTS = ("Matmul", "Dot", "Attention")


def leaves(model: Any) -> Iterator[Any]:
    """The layers and operations without layers of their own, and those that multiply beside the layers they hold.

    A recurrent layer stands for its cell, which is called once in every time step.
    """
    seen: set[int] = set()
    waiting = list(reversed(_parts(model)))
    while waiting:
        part = waiting.pop()
        if id(part) in seen or type(part).__name__ == "InputLayer":
            continue
        seen.add(id(part))
        inner = [] if type(part).__name__ in _RECURRENT else _parts(part)
        if not inner or type(part).__name__ == "MultiHeadAttention":
            yield part
        waiting.extend(reversed(inner))


def _parts(part: Any) -> list[Any]:
    operations = getattr(part, "operations", None)
    if operations:
        return list(operations)
    find = getattr(part, "_flatten_layers", None)  # Keras has no public walk over the layers that a layer holds
    return list(find(include_self=False, recursive=False)) if find else []


def layer_macs(layer: Any, taken: list[Shape], given: Shape) -> int:
    """Multiply-accumulates of one call.

    Args:
        layer: The layer or operation.
        taken: Shapes of the tensors it was called with.
        given: Shape of its first output.
    """
    return int(_macs(layer, type(layer).__name__, taken, given))


def _macs(layer: Any, kind: str, taken: list[Shape], given: Shape) -> Any:
    if kind in ("Conv1D", "Conv2D", "Conv3D"):  # kernel [..., in / groups, out]
        return prod(given) * prod(layer.kernel.shape[:-1])
    if kind in ("DepthwiseConv1D", "DepthwiseConv2D"):  # kernel [..., in, multiplier]
        return prod(given) * prod(layer.kernel.shape[:-2])
    if kind in ("SeparableConv1D", "SeparableConv2D"):
        places = prod(given) // layer.filters
        return places * (prod(layer.depthwise_kernel.shape) + prod(layer.pointwise_kernel.shape))
    if kind.endswith("DTranspose"):  # kernel [..., out, in]
        return prod(taken[0]) * prod(layer.kernel.shape[:-1])
    if kind == "Dense":
        return prod(given) * layer.kernel.shape[0]
    if kind == "EinsumDense":
        return einsum_macs(layer.equation, [taken[0], tuple(layer.kernel.shape)])
    if kind == "Einsum":
        return einsum_macs(layer.subscripts, taken)
    if kind in _RECURRENT:
        return prod(taken[0][:-1]) * (prod(layer.cell.kernel.shape) + prod(layer.cell.recurrent_kernel.shape))
    if kind == "MultiHeadAttention":  # scores and weighted sum; its projections are layers of their own
        queries, values = taken[0], taken[1]
        return prod(queries[:-1]) * prod(values[1:-1]) * layer.num_heads * (layer.key_dim + layer.value_dim)
    return _product(layer, kind, taken, given)


def _product(layer: Any, kind: str, taken: list[Shape], given: Shape) -> Any:
    if kind not in _PRODUCTS or len(taken) < 2:
        return 0
    if kind == "Matmul":
        return prod(given) * taken[0][-1]
    if kind == "Attention":  # query, value: scores and weighted sum
        return prod(taken[0]) * taken[1][-2] + prod(given) * taken[1][-2]
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return prod(given) * taken[0][axis]
