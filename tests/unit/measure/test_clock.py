"""Blocks last long enough and hold enough calls; a block ends when the process is quiet."""

from __future__ import annotations

import threading
import time

from edgekit.measure import clock


def test_a_block_has_its_count_even_when_time_is_up() -> None:
    samples = clock.time_block_ms(lambda: time.sleep(0.002), min_ms=0.0, min_count=7)
    assert len(samples) == 7
    assert min(samples) >= 2.0


def test_a_block_lasts_its_time_even_when_the_count_is_reached() -> None:
    started = time.perf_counter()
    samples = clock.time_block_ms(lambda: None, min_ms=20.0, min_count=1)
    assert time.perf_counter() - started >= 0.02
    assert len(samples) > 100


def settled_beside_a_spinning_thread() -> float:
    """Seconds until `settle` returns beside a thread that spins for 80 ms."""
    stop = threading.Event()
    begun = time.perf_counter()

    def spin() -> None:
        while not stop.is_set() and time.perf_counter() - begun < 0.08:
            sum(range(100))

    thread = threading.Thread(target=spin)
    thread.start()
    clock.settle(limit_s=2.0)
    waited = time.perf_counter() - begun
    stop.set()
    thread.join()
    return waited


def test_settle_waits_for_spinning_threads() -> None:
    """In one of three tries: a busy machine may not let the thread spin."""
    assert any(0.07 <= settled_beside_a_spinning_thread() < 1.5 for _ in range(3))


def test_settle_of_a_quiet_process_is_short() -> None:
    assert min(clock.settle() for _ in range(3)) < 0.15
