"""Diff: whether two models give the same outputs, and where along the graph they part."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.core.model import Model
from edgekit.core.proof import Proof
from edgekit.core.target import Precision
from edgekit.pipeline.data import Prepared
from edgekit.pipeline.matching import Match, arranged, match
from edgekit.pipeline.prove import TOLERANCES, prove
from edgekit.pipeline.tools import Tools
from edgekit.pipeline.tracing import Tensor, traced

THRESHOLD_DB = 60.0
"""Below it a tensor has departed: the bound of a float32 conversion (docs/explanation/proofs.md)."""


@dataclass(frozen=True)
class TensorPair:
    """A tensor of the first model and its counterpart in the second.

    Attributes:
        name: Its name in the first model.
        kind: Type of the operator that writes it there.
        other: Its name in the second model.
        shape: Its shape in the first model, without the batch.
        snr_db: 10 log10(sum first^2 / sum (first - second)^2), dB; None when the two are bitwise equal.
        cosine: Cosine similarity over all traced samples.
        max_abs_error: Largest absolute difference.
    """

    name: str
    kind: str
    other: str
    shape: tuple[int, ...]
    snr_db: float | None
    cosine: float
    max_abs_error: float


@dataclass(frozen=True)
class Comparison:
    """What `diff` found.

    Attributes:
        same: Whether the outputs agree within the tolerance of a float32 conversion.
        outputs: The second model's outputs against the first one's: numbers, gates, same answers.
        tensors: The pairs along the graph, worst first.
        first: The first tensor, in the first model's execution order, whose SNR is below `threshold_db`; None when none is.
        threshold_db: Below this a tensor counts as departed.
        alone: Tensors of the first model without a counterpart: the second model has fused or rewritten them.
        traced: Samples that the tensors were compared on.
    """

    same: bool
    outputs: Proof
    tensors: tuple[TensorPair, ...]
    first: TensorPair | None
    threshold_db: float
    alone: tuple[str, ...]
    traced: int


def compare(
    first: Model, second: Model, samples: Prepared, tools: Tools, *, synthetic: bool, threshold_db: float = THRESHOLD_DB
) -> Comparison:
    """Compares two models on the same inputs: their outputs on all samples, their tensors on the first few.

    Raises:
        InferenceError: An engine refuses a model.
        CrashError: An engine's process died.
    """
    outputs = prove(second, first, samples, tools, tolerance=TOLERANCES[Precision.FP32], synthetic=synthetic)
    with tempfile.TemporaryDirectory(prefix="diff-", dir=tools.store.root) as scratch:
        left = traced(first, samples, Path(scratch) / "first", tools)
        right = traced(second, samples, Path(scratch) / "second", tools)
        matches = match(left, right)
        pairs = [_measured(left[pair.first], right[pair.second], pair) for pair in matches]
        count = len(left[0].values()) if left else 0
    departed = [pair for pair in pairs if pair.snr_db is not None and pair.snr_db < threshold_db]
    matched = {pair.first for pair in matches}
    return Comparison(
        same=outputs.passed,
        outputs=outputs,
        tensors=tuple(sorted(pairs, key=lambda pair: math.inf if pair.snr_db is None else pair.snr_db)),
        first=departed[0] if departed else None,
        threshold_db=threshold_db,
        alone=tuple(tensor.name for place, tensor in enumerate(left) if place not in matched),
        traced=count,
    )


def _measured(first: Tensor, second: Tensor, pair: Match) -> TensorPair:
    """The numbers of one pair, summed up sample by sample."""
    import numpy as np

    reference, found = first.values(), second.values()
    shape = tuple(int(size) for size in reference.shape[1:])
    sums = np.zeros(4)
    worst = 0.0
    for own, other in zip(reference, found, strict=True):
        a, b = np.asarray(own, np.float64), np.asarray(arranged(other, pair, shape), np.float64)
        error = np.where(np.isfinite(b), b - a, np.inf)
        sums += [float(np.sum(values)) for values in (a * a, b * b, a * b, error * error)]
        worst = max(worst, float(np.max(np.abs(error))))
    return TensorPair(
        first.name, first.kind, second.name, shape, *_numbers(sums), min(worst, float(np.finfo(np.float64).max))
    )


def _numbers(sums: Iterable[Any]) -> tuple[float | None, float]:
    signal, power, product, noise = (float(value) for value in sums)
    if noise == 0.0:
        return None, 1.0
    if signal == 0.0 or not math.isfinite(noise):
        return -999.0, 0.0
    cosine = product / math.sqrt(signal * power) if power > 0.0 else 0.0
    return 10.0 * math.log10(signal / noise), cosine
