"""GraphSummary: what `edgekit inspect` says of a model's graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import prod

FLOAT_KINDS = ("float", "float16", "bfloat16")
"""The values of `OpSummary.arithmetic` that compute in floating point."""

_ISLAND_NAMES = 4


@dataclass(frozen=True)
class OpSummary:
    """One operator of the graph.

    Attributes:
        name: The operator's name in the file, or `#index`.
        kind: Its type in the format's own terms (CONV_2D, Conv, Convolution).
        macs: Multiply-accumulate operations of one inference; 0 for an operator without a matrix product.
        arithmetic: `int`, `float`, `float16`, `bfloat16`, `hybrid` (int8 weights, activations quantized at run time), or
            `none` for an operator that only converts (quantize, dequantize, cast) or describes shapes.
    """

    name: str
    kind: str
    macs: int
    arithmetic: str


@dataclass(frozen=True)
class GraphSummary:
    """A model's graph in numbers.

    A convolution counts one multiply-accumulate for each weight that one output element is made of, padding included; a
    matrix product counts rows x columns x inner length. Biases, activations and element-wise products count nothing.

    Attributes:
        ops: Operators in execution order.
        parameters: Number of stored weights (constants), elements.
        parameter_bytes: Their size in the file.
        macs: Multiply-accumulates of one inference; a batch axis that is not fixed counts as 1.
        integer_macs_share: Share of `macs` that runs in integer arithmetic, 0..1; hybrid counts as integer only in
            `hybrid_macs_share`.
        hybrid_macs_share: Share of `macs` with int8 weights and activations quantized at run time.
        evidence: How the arithmetic was found: `file` (types in the file) or `runtime` (the graph the runtime executes).
        float_islands: Names of float operators between integer ones, each island one entry.
        transposes: Number of layout changes in the graph.
        transpose_bytes: Bytes they write in one inference.
    """

    ops: tuple[OpSummary, ...]
    parameters: int
    parameter_bytes: int
    macs: int
    integer_macs_share: float
    hybrid_macs_share: float
    evidence: str
    float_islands: tuple[str, ...]
    transposes: int
    transpose_bytes: int

    @classmethod
    def of(
        cls,
        ops: Sequence[OpSummary],
        producers: Sequence[Collection[int]],
        *,
        parameters: tuple[int, int],
        transposes: tuple[int, int],
        evidence: str,
    ) -> GraphSummary:
        """Adds up what an inspector found.

        Args:
            ops: Operators in execution order.
            producers: For each operator the indices of the operators whose outputs it reads.
            parameters: Number of weights, and their bytes in the file.
            transposes: Number of layout changes, and the bytes they write.
            evidence: `file` or `runtime`.
        """
        macs = sum(op.macs for op in ops)
        return cls(
            ops=tuple(ops),
            parameters=parameters[0],
            parameter_bytes=parameters[1],
            macs=macs,
            integer_macs_share=_share(ops, "int", macs),
            hybrid_macs_share=_share(ops, "hybrid", macs),
            evidence=evidence,
            float_islands=float_islands(ops, producers),
            transposes=transposes[0],
            transpose_bytes=transposes[1],
        )


def float_islands(ops: Sequence[OpSummary], producers: Sequence[Collection[int]]) -> tuple[str, ...]:
    """Float operators that integer results flow into and out of, connected ones as one entry.

    Float work before the first integer operator or after the last one is not an island: it costs no round trip.
    """
    consumers: list[list[int]] = [[] for _ in ops]
    for index, sources in enumerate(producers):
        for source in sources:
            consumers[source].append(index)
    integer = {index for index, op in enumerate(ops) if op.arithmetic == "int"}
    between = _reached(integer, consumers) & _reached(integer, producers) - integer
    islands = []
    for index in sorted(between):
        if index not in between:
            continue
        island = _connected(index, between, producers, consumers)
        between -= island
        names = [f"{ops[i].kind} {ops[i].name}" for i in sorted(island) if ops[i].arithmetic in FLOAT_KINDS]
        if names:
            islands.append(_joined(names))
    return tuple(islands)


def einsum_macs(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """Multiply-accumulates of `equation` ("abc,cde->abde") on two arrays: the product of the lengths of all its letters.

    One array has nothing to be multiplied with and counts 0. Axes under an ellipsis belong to the array that has more of
    them; the other is broadcast.
    """
    lengths: dict[str, int] = {}
    hidden: list[Sequence[int]] = []
    if len(shapes) < 2:
        return 0
    for term, shape in zip(equation.replace(" ", "").partition("->")[0].split(","), shapes, strict=True):
        head, dots, tail = term.partition("...")
        lengths.update(zip(head, shape, strict=False))
        lengths.update(zip(reversed(tail), reversed(shape), strict=False))
        if dots:
            hidden.append(shape[len(head) : len(shape) - len(tail)])
    return prod(lengths.values()) * prod(max(hidden, key=prod, default=()))


def _share(ops: Iterable[OpSummary], arithmetic: str, macs: int) -> float:
    return sum(op.macs for op in ops if op.arithmetic == arithmetic) / macs if macs else 0.0


def _reached(start: Collection[int], steps: Sequence[Collection[int]]) -> set[int]:
    """Every index that one or more steps lead to from `start`."""
    found: set[int] = set()
    waiting = [target for index in start for target in steps[index]]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting.extend(steps[index])
    return found


def _connected(
    start: int, inside: Collection[int], producers: Sequence[Collection[int]], consumers: Sequence[Collection[int]]
) -> set[int]:
    found: set[int] = set()
    waiting = [start]
    while waiting:
        index = waiting.pop()
        if index in inside and index not in found:
            found.add(index)
            waiting.extend((*producers[index], *consumers[index]))
    return found


def _joined(names: Sequence[str]) -> str:
    shown = " + ".join(names[:_ISLAND_NAMES])
    return shown if len(names) <= _ISLAND_NAMES else f"{shown} and {len(names) - _ISLAND_NAMES} more"
