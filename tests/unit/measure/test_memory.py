"""Peak memory is the process's own, not what its parent had."""

from __future__ import annotations

import subprocess
import sys

from edgekit.measure import memory

_MIB = 1 << 20


def test_the_peak_remembers_what_was_freed() -> None:
    before = memory.peak_bytes()
    block = bytearray(b"x") * (before + 50 * _MIB)
    held = memory.resident_bytes()
    del block
    assert memory.peak_bytes() >= held - _MIB
    assert memory.peak_bytes() >= before + 40 * _MIB


def test_a_child_of_a_big_parent_has_its_own_peak() -> None:
    child = "from edgekit.measure import memory; print(memory.peak_bytes())"
    parent = (
        f"import subprocess, sys; big = bytearray(b'x') * {200 * _MIB}; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    shown = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True)
    assert int(shown.stdout) < 100 * _MIB


def test_available_memory_is_a_sound_number() -> None:
    available = memory.available_bytes()
    assert available is None or available > 10 * _MIB
