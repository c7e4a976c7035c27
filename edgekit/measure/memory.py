"""Resident memory of a process, now and at its peak."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Resident memory of this process now (`VmRSS`, proc_pid_status(5)); its peak where the system has no /proc."""
    return _status("VmRSS") or _rusage_peak_bytes()


def peak_bytes() -> int:
    """Peak resident memory of this process (`VmHWM`, proc_pid_status(5)).

    Not `ru_maxrss`: Linux carries that over `execve`, so a child of a big parent starts with the parent's peak
    (getrusage(2)); `VmHWM` belongs to the address space, which `execve` makes anew.
    """
    return _status("VmHWM") or _rusage_peak_bytes()


def available_bytes() -> int | None:
    """Memory that new processes can have without swapping (`MemAvailable`, proc_meminfo(5)); None where not said."""
    return _field(Path("/proc/meminfo"), "MemAvailable")


def _status(key: str) -> int | None:
    return _field(_STATUS, key)


def _field(file: Path, key: str) -> int | None:
    try:
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return None


def _rusage_peak_bytes() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, the other systems KiB (getrusage(2) of each).
    return peak if sys.platform == "darwin" else peak * 1024
