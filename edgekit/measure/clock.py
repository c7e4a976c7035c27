"""Timing calls with the monotonic clock: one call, a block of calls, and the wait until a process is quiet again."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

_STEP_S = 0.002
_QUIET_SHARE = 0.25


def time_call_ms(call: Callable[[], Any]) -> float:
    """The wall time of one call, by `time.perf_counter_ns`."""
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / 1e6


def time_block_ms(call: Callable[[], Any], *, min_ms: float, min_count: int) -> list[float]:
    """The wall time of each call of a block of at least `min_count` calls that lasts at least `min_ms`.

    Two clock readings surround every call (about 0.1 us together on a PC); what the loop does between calls is not timed.
    """
    now = time.perf_counter_ns
    samples: list[int] = []
    keep = samples.append
    end = now() + int(min_ms * 1e6)
    while True:
        started = now()
        call()
        stopped = now()
        keep(stopped - started)
        if stopped >= end and len(samples) >= min_count:
            return [sample / 1e6 for sample in samples]


def stop_collector() -> None:
    """Switches garbage collection off for the rest of this process; what there is now is collected first."""
    gc.collect()
    gc.disable()


def settle(limit_s: float = 0.2) -> float:
    """Waits until this process uses no CPU, at most `limit_s`; returns the seconds it took.

    Thread pools spin for a while after their last work, on the cores that the next artifact is about to be measured on.
    It is quiet when a sleep of 2 ms used less than a quarter of that in CPU time, over all threads.
    """
    started = time.perf_counter()
    while (waited := time.perf_counter() - started) < limit_s:
        used = time.process_time()
        time.sleep(_STEP_S)
        if time.process_time() - used < _QUIET_SHARE * _STEP_S:
            break
    return waited
