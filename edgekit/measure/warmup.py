"""Warm-up: an artifact is run until its latency is steady, found by the MSER-5 rule."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.measure.clock import time_call_ms

BATCH = 5
"""MSER-5 works on batches of five observations (White, Cobb and Spratt 2000)."""

MIN_BATCHES = 10
"""Fewer batches give no standard error worth minimizing."""

MIN_S = 0.05
"""A run shorter than this has not left the CPU's idle frequency (Linux's schedutil decides every 10 ms or so)."""


@dataclass(frozen=True)
class WarmUp:
    """How a warm-up went.

    Attributes:
        count: Inferences before the steady state; all of them when there was none.
        steady: Whether the latency became steady.
        latencies_ms: Every inference of the warm-up.
    """

    count: int
    steady: bool
    latencies_ms: tuple[float, ...]


def run(call: Callable[[], Any], *, max_s: float) -> WarmUp:
    """Calls until the latency is steady, at most `max_s`.

    Looks again each time the number of inferences has grown by half, so that looking costs little.
    """
    latencies: list[float] = []
    started = time.monotonic()
    look_at = BATCH * MIN_BATCHES
    while True:
        latencies.append(time_call_ms(call))
        elapsed = time.monotonic() - started
        if len(latencies) >= look_at and elapsed >= MIN_S:
            steady_from = truncation(latencies)
            if steady_from is not None:
                return WarmUp(steady_from, True, tuple(latencies))
            look_at = len(latencies) * 3 // 2
        if elapsed >= max_s:
            return WarmUp(len(latencies), False, tuple(latencies))


def truncation(latencies: Sequence[float]) -> int | None:
    """Index of the first observation of the steady state, or None when there is none yet.

    MSER-5 (White 1997, Simulation 69:323; White, Cobb and Spratt 2000, WSC): cut where the standard error of the mean of
    what remains is least. A cut in the second half means that the series is too short to tell (Hoad, Robinson and Davies
    2010, J. Oper. Res. Soc. 61:1389). One deviation, stated: a batch counts with its median in place of its mean, because
    a single interrupt of a shared machine would otherwise move the cut.
    """
    batches = [statistics.median(latencies[start : start + BATCH]) for start in range(0, len(latencies) - BATCH + 1, BATCH)]
    if len(batches) < MIN_BATCHES:
        return None
    best, cut, total, squares = float("inf"), 0, 0.0, 0.0
    for start in range(len(batches) - 1, -1, -1):
        total += batches[start]
        squares += batches[start] ** 2
        size = len(batches) - start
        spread = max(squares - total * total / size, 0.0) / size**2
        # A handful of equal batches at the end has a spread of nearly nothing (Hoad et al. leave the last five out).
        if size > BATCH and spread <= best:
            best, cut = spread, start
    return cut * BATCH if cut <= len(batches) // 2 else None
