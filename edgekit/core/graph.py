"""GraphSummary: what `edgekit inspect` says of a model's graph."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OpSummary:
    """One operator of the graph.

    Attributes:
        name: The operator's name in the file, or `#index`.
        kind: Its type in the format's own terms (CONV_2D, Conv, Convolution).
        macs: Multiply-accumulate operations of one inference; 0 for an operator without a matrix product.
        arithmetic: `int`, `float`, `float16`, or `hybrid` (int8 weights, activations quantized at run time).
    """

    name: str
    kind: str
    macs: int
    arithmetic: str


@dataclass(frozen=True)
class GraphSummary:
    """A model's graph in numbers.

    Attributes:
        ops: Operators in execution order.
        parameters: Number of stored weights (constants), elements.
        parameter_bytes: Their size in the file.
        macs: Multiply-accumulates of one inference at batch 1.
        integer_macs_share: Share of `macs` that runs in integer arithmetic, 0..1; hybrid counts as integer only in
            `hybrid_macs_share`.
        hybrid_macs_share: Share of `macs` with int8 weights and activations quantized at run time.
        evidence: How the arithmetic was found: `file` (types in the file) or `runtime` (the graph the runtime executes).
        float_islands: Names of float operators between integer ones, each island one entry.
        transposes: Number of layout changes in the graph.
        transpose_bytes: Bytes they move in one inference.
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
