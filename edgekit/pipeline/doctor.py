"""What on this machine stands in the way of a conversion or adds noise to a measurement, each with its exact fix.

Fast on purpose: reads /proc, /sys and package metadata, imports no engine.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from edgekit.core.finding import Finding
from edgekit.measure import machine
from edgekit.pipeline.doctor_packages import check_packages

GIB = 1 << 30
ROOT = machine.ROOT

MIN_PYTHON = (3, 11)
MEMORY_WANTED_BYTES = 2 * GIB
"""Importing TensorFlow takes 0.8 GB, converting a small network 1.2 GB (measured, TensorFlow 2.21)."""
DISK_WANTED_BYTES = 2 * GIB
DISK_NEEDED_BYTES = GIB // 4
LOAD_SHARE = 0.25
"""A load average above this share of the cores: something else is running while edgekit measures."""
STEAL_SHARE = 0.01
HOT_C = 80.0
"""Raspberry Pi firmware starts to lower the clock at 80 degrees C; other boards throttle between 80 and 100."""


def diagnose(home: Path) -> list[Finding]:
    """Checks this machine.

    Args:
        home: edgekit's cache folder; it need not exist yet, and nothing is left in it.
    """
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_python,
        check_packages,
        check_cpu,
        check_clock,
        check_quiet,
        check_memory,
        lambda: check_disk(home),
        check_tools,
    )
    return [finding for check in checks for finding in check()]


def check_python() -> Iterator[Finding]:
    """The interpreter's version and word size."""
    found = platform.python_version()
    wanted = ".".join(str(part) for part in MIN_PYTHON)
    if sys.version_info < MIN_PYTHON:
        yield Finding("python", "problem", f"Python {found}; edgekit needs {wanted}", f"uv venv --python {wanted}")
    elif sys.maxsize < 2**32:
        detail = f"Python {found} is a 32-bit program; TensorFlow, ONNX Runtime and OpenVINO have no wheels for it"
        yield Finding(
            "python", "problem", detail, "Install a 64-bit operating system, or use this machine only as a device."
        )
    else:
        yield Finding("python", "ok", f"Python {found}, {sys.executable}")


def check_cpu(root: Path = ROOT) -> Iterator[Finding]:
    """Whether the CPU is real, and what it offers to int8 kernels."""
    shown = f"{machine.cpu_name(root)}, {machine.usable_cores(root)} usable cores"
    emulated = machine.emulation(platform.machine(), root)
    if emulated:
        detail = f"{shown}; emulated ({emulated}): latencies measured here mean nothing"
        yield Finding("cpu", "warning", detail, "Measure on the board itself; outputs and accuracy are right here too.")
    else:
        yield Finding("cpu", "ok", shown)
    features = machine.cpu_features(root)
    dot_products = [name for name in features if name in machine.INT8_FEATURES]
    if dot_products:
        yield Finding("int8", "ok", f"int8 dot products in hardware ({', '.join(dot_products)})")
    elif features:
        detail = f"no int8 dot product among {', '.join(features)}: int8 models may be no faster than float ones here"
        yield Finding("int8", "warning", detail, "Nothing to install: judge the speed of int8 on the target board.")


def check_clock(root: Path = ROOT) -> Iterator[Finding]:
    """Frequency governor, turbo and heat: the clock must not move while latency is measured."""
    cpu = root / "sys/devices/system/cpu"
    found = machine.governor(root)
    if found is None:
        yield Finding("governor", "ok", "the system shows no frequency governor (usual in virtual machines)")
    elif found == "performance":
        yield Finding("governor", "ok", "performance")
    else:
        fix = "sudo cpupower frequency-set -g performance   (Debian: apt install linux-cpupower)"
        yield Finding("governor", "warning", f"{found}: the clock follows the load, so short runs look slow", fix)
    for file, turbo_on, off in (("intel_pstate/no_turbo", "0", "1"), ("cpufreq/boost", "1", "0")):
        if _read(cpu / file) == turbo_on:
            detail = "on: the clock falls when the CPU gets warm, so later runs look slower"
            yield Finding("turbo", "warning", detail, f"echo {off} | sudo tee /sys/devices/system/cpu/{file}")
            break
    yield from _check_heat(root)


def _check_heat(root: Path) -> Iterator[Finding]:
    texts = [_read(file) for file in (root / "sys/class/thermal").glob("thermal_zone*/temp")]
    hottest_c = max((int(text) / 1000 for text in texts if text.lstrip("-").isdigit()), default=None)
    counters = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
    throttled = max((int(text) for file in counters if (text := _read(file)).isdigit()), default=0)
    firmware = _raspberry_pi_throttling()
    fix = "Let it cool, add a heat sink or a fan, then measure again."
    if hottest_c is not None and hottest_c >= HOT_C:
        yield Finding("heat", "warning", f"{hottest_c:.0f} degrees C: the clock is being lowered, or soon will be", fix)
    elif firmware:
        yield Finding(
            "heat", "warning", f"the firmware says: {', '.join(firmware)}", f"{fix} Under-voltage: a better supply."
        )
    elif throttled:
        yield Finding("heat", "warning", f"throttled for heat {throttled} times since it was started", fix)
    elif hottest_c is not None:
        yield Finding("heat", "ok", f"{hottest_c:.0f} degrees C at the hottest sensor")


def _raspberry_pi_throttling() -> list[str]:
    if shutil.which("vcgencmd") is None:
        return []
    answer = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, check=False, timeout=5)
    return throttle_words(answer.stdout)


def throttle_words(answer: str) -> list[str]:
    """The set bits of `throttled=0x50005`, in words (Raspberry Pi documentation, vcgencmd get_throttled)."""
    found = re.search(r"throttled=(0x[0-9a-fA-F]+)", answer)
    bits = int(found.group(1), 16) if found else 0
    words = ("under-voltage", "clock capped", "throttled", "soft temperature limit")
    now = [f"{word} now" for index, word in enumerate(words) if bits >> index & 1]
    before = [f"{word} since boot" for index, word in enumerate(words) if bits >> (index + 16) & 1]
    return now or before


def check_quiet(root: Path = ROOT) -> Iterator[Finding]:
    """Other programs on this machine, and other machines on this one's CPU."""
    cores = machine.usable_cores(root)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > LOAD_SHARE * cores:
        detail = f"load average {load:.2f} on {cores} cores: other programs disturb a measurement"
        yield Finding("load", "warning", detail, "Look with `top`, stop what is busy, wait a minute.")
    else:
        yield Finding("load", "ok", f"load average {load:.2f} on {cores} cores")
    found = re.match(r"cpu\s+([\d ]+)", _read(root / "proc/stat"))
    times = [int(text) for text in found.group(1).split()] if found else []
    # proc(5): user nice system idle iowait irq softirq steal guest guest_nice; guest is counted in user already.
    if len(times) >= 8 and times[7] > STEAL_SHARE * sum(times[:8]):
        share = times[7] / sum(times[:8])
        detail = f"the hypervisor took {share:.1%} of this machine's CPU time since it was started"
        yield Finding(
            "steal", "warning", detail, "Measure on a machine of your own, or trust only differences above the noise."
        )


def check_memory() -> Iterator[Finding]:
    """Memory that is free now."""
    import psutil

    free = min(psutil.virtual_memory().available, machine.memory_bytes())
    detail = f"{free / GIB:.1f} GiB free of {machine.memory_bytes() / GIB:.1f} GiB"
    if free < MEMORY_WANTED_BYTES:
        fix = "Close other programs: training and converting want 2 GiB free, or they may be killed."
        yield Finding("memory", "warning", detail, fix)
    else:
        yield Finding("memory", "ok", detail)


def check_disk(home: Path) -> Iterator[Finding]:
    """Room in the cache and the temporary folder, and permission to write there."""
    for name, folder, variable in (
        ("cache", home, "EDGEKIT_HOME=/another/folder"),
        ("temp", _temp(), "TMPDIR=/another/folder"),
    ):
        there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        free = shutil.disk_usage(there).free
        detail = f"{folder}: {free / GIB:.1f} GiB free"
        if not there.is_dir() or not _can_write(there):
            yield Finding(
                name, "problem", f"{folder} cannot be written to", f"sudo chown $USER {there}, or choose {variable}."
            )
        elif free < DISK_WANTED_BYTES:
            fix = f"Free some space (`du -xh {there} | sort -h | tail`), or choose {variable}."
            yield Finding(name, "problem" if free < DISK_NEEDED_BYTES else "warning", detail, fix)
        else:
            yield Finding(name, "ok", detail)


def check_tools() -> Iterator[Finding]:
    """Programs that edgekit calls."""
    if uv := shutil.which("uv"):
        yield Finding("uv", "ok", uv)
    else:
        detail = "not found; it installs this project's exact versions and tools that need an environment of their own"
        yield Finding("uv", "warning", detail, "pip install uv")


def _temp() -> Path:
    # tempfile.gettempdir() raises where no folder is writable, which is just what is to be reported.
    return Path(os.environ.get("TMPDIR") or "/tmp") if os.name == "posix" else Path(tempfile.gettempdir())  # noqa: S108


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
