"""MSER-5 finds where a latency becomes steady, and says so when it does not."""

from __future__ import annotations

import random
import time

from edgekit.measure import warmup


def _noise(count: int, level: float) -> list[float]:
    draw = random.Random(0)
    return [level * (1 + 0.02 * draw.random()) for _ in range(count)]


def test_a_slow_start_is_cut_where_it_ends() -> None:
    series = [*_noise(40, 3.0), *_noise(160, 1.0)]
    cut = warmup.truncation(series)
    assert cut is not None
    assert 40 <= cut <= 50


def test_interrupts_do_not_move_the_cut() -> None:
    series = [*_noise(40, 3.0), *_noise(160, 1.0)]
    for place in range(60, 200, 25):
        series[place] = 80.0
    cut = warmup.truncation(series)
    assert cut is not None
    assert 40 <= cut <= 50


def test_a_latency_that_still_falls_is_not_steady() -> None:
    assert warmup.truncation([1.0 / (1 + place) for place in range(100)]) is None


def test_too_few_inferences_are_not_judged() -> None:
    assert warmup.truncation(_noise(49, 1.0)) is None


def test_a_slow_call_stops_at_the_limit_and_says_so() -> None:
    found = warmup.run(lambda: time.sleep(0.02), max_s=0.1)
    assert not found.steady
    assert 2 <= found.count == len(found.latencies_ms) <= 6


def test_a_steady_call_is_found_steady() -> None:
    """In one of three tries: on a busy machine even the simplest call is not steady every time."""
    tries = (warmup.run(lambda: sum(range(2000)), max_s=5.0) for _ in range(3))
    found = next((one for one in tries if one.steady), None)
    assert found is not None
    assert sum(found.latencies_ms) >= 0.5 * 1e3 * warmup.MIN_S
