"""What machine this is: CPU and the features kernels care about, cores and memory a process may really use, emulation.

Runs on boards as it is: standard library only, Python 3.10. Linux is read from /proc and /sys, macOS asked by `sysctl`.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgekit.core.report import Environment

ROOT = Path("/")

# Names that Linux prints in /proc/cpuinfo (arch/x86/include/asm/cpufeatures.h, arch/arm64/kernel/cpuinfo.c), and only those
# that the float and int8 kernels of XNNPACK, MLAS and oneDNN choose by.
FEATURES = (
    *("sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8"),
    *("avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"),
    *("neon", "vfpv4", "asimd", "fphp", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)

INT8_FEATURES = ("avx_vnni", "avx_vnni_int8", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
"""Features with an instruction for int8 dot products; without one, int8 is often no faster than float."""

# MIDR_EL1 implementer and part number: the Arm cores' technical reference manuals, gathered in the tables of Linux
# (arch/arm64/include/asm/cputype.h) and util-linux (sys-utils/lscpu-arm.c).
ARM_PARTS = {
    (0x41, 0xC07): "Cortex-A7",
    (0x41, 0xC08): "Cortex-A8",
    (0x41, 0xC09): "Cortex-A9",
    (0x41, 0xC0F): "Cortex-A15",
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD04): "Cortex-A35",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD0D): "Cortex-A77",
    (0x41, 0xD0E): "Cortex-A76AE",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD44): "Cortex-X1",
    (0x41, 0xD46): "Cortex-A510",
    (0x41, 0xD47): "Cortex-A710",
    (0x41, 0xD48): "Cortex-X2",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4B): "Cortex-A78C",
    (0x41, 0xD4C): "Cortex-X1C",
    (0x41, 0xD4D): "Cortex-A715",
    (0x41, 0xD4E): "Cortex-X3",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD80): "Cortex-A520",
    (0x41, 0xD81): "Cortex-A720",
    (0x4E, 0x003): "Denver 2",
    (0x4E, 0x004): "Carmel",
}

_QEMU_PART = (0x00, 0x051)
"""The part number of the `max` CPU that QEMU's own translator offers ("Q"; target/arm/tcg/cpu64.c)."""

_MACOS = platform.system() == "Darwin"
_X86 = frozenset({"x86_64", "amd64", "i386", "i686"})


def describe_machine(device: str = "host", packages: Sequence[str] = (), root: Path = ROOT) -> Environment:
    """The machine this process runs on.

    Args:
        device: Name of the device in the report.
        packages: Distributions whose versions to report; those not installed are left out.
        root: Where `proc` and `sys` lie; another folder reads a recorded machine.
    """
    return Environment(
        device=device,
        cpu=cpu_name(root),
        cores=usable_cores(root),
        features=cpu_features(root),
        memory_bytes=memory_bytes(root),
        os=_os_name(),
        python=platform.python_version(),
        governor=governor(root),
        packages=_versions(packages),
        emulated=emulation(platform.machine(), root) is not None,
    )


def cpu_name(root: Path = ROOT) -> str:
    """`AMD EPYC`, `4 x Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)`, `Apple M2`."""
    text = _read(root / "proc/cpuinfo")
    board = _read(root / "proc/device-tree/model").rstrip("\0").strip()
    parts = _arm_parts(text)
    if parts:
        counts = {part: parts.count(part) for part in parts}
        cores = " + ".join(f"{count} x {_part_name(*part)}" for part, count in counts.items())
        return f"{cores} ({board})" if board else cores
    if found := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
        return found.group(1).strip()
    return _sysctl("machdep.cpu.brand_string") or board or platform.processor() or platform.machine()


def cpu_features(root: Path = ROOT) -> tuple[str, ...]:
    """Those of FEATURES that every core has."""
    lines = re.findall(r"^(?:flags|Features)\s*:\s*(.*)$", _read(root / "proc/cpuinfo"), re.MULTILINE)
    if lines:
        common = set.intersection(*(set(line.split()) for line in lines))
        return tuple(name for name in FEATURES if name in common)
    if not _MACOS:
        return ()
    apple = {"asimddp": "FEAT_DotProd", "asimdhp": "FEAT_FP16", "i8mm": "FEAT_I8MM", "bf16": "FEAT_BF16"}
    found = {name for name, key in apple.items() if _sysctl(f"hw.optional.arm.{key}") == "1"}
    found |= set(f"{_sysctl('machdep.cpu.features')} {_sysctl('machdep.cpu.leaf7_features')}".lower().split())
    return tuple(name for name in FEATURES if name in found)


def usable_cores(root: Path = ROOT) -> int:
    """Logical cores that this process may use: its affinity, and whole cores of its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [int(quota) for quota in _quotas(root)]
    return max(1, min([cores, *quotas]))


def memory_bytes(root: Path = ROOT) -> int:
    """Memory that this process may use: the machine's, or its control group's limit when that is less."""
    found = re.search(r"^MemTotal:\s*(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    total = int(found.group(1)) * 1024 if found else int(_sysctl("hw.memsize") or 0)
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [int(text) for text in _control_group_files(root, "memory", names) if text.isdigit()]
    return min([total, *limits])


def governor(root: Path = ROOT) -> str | None:
    """The CPU frequency governor, all of them when the core clusters differ, None where the system does not say."""
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    found = dict.fromkeys(text for file in files if (text := _read(file).strip()))
    return ", ".join(found) or None


def emulation(architecture: str, root: Path = ROOT) -> str | None:
    """How it shows that this CPU is emulated, or None; a hypervisor is no emulation, it runs the real CPU.

    QEMU's user mode invents `uname` and, since version 8.2, /proc/cpuinfo for its process, but passes /sys through: there
    the kernel still names the type of the real CPU. What stays unseen: QEMU's whole-machine mode with a named CPU.

    Args:
        architecture: What `uname -m` says.
        root: Where `proc` and `sys` lie.
    """
    cpuinfo = _read(root / "proc/cpuinfo")
    claims_x86 = architecture.lower() in _X86
    real = re.match(r"cpu:type:(\w+)", _read(root / "sys/devices/system/cpu/modalias"))
    if real and (real.group(1) == "x86") != claims_x86:
        return f"uname says {architecture} and the kernel runs on {real.group(1)}: QEMU user mode"
    if not claims_x86 and re.search(r"^vendor_id\s*:\s*(GenuineIntel|AuthenticAMD)", cpuinfo, re.MULTILINE):
        return f"uname says {architecture} and /proc/cpuinfo is an x86 CPU's: QEMU user mode"
    if "QEMU TCG CPU" in cpuinfo or _QEMU_PART in _arm_parts(cpuinfo):
        return "the CPU is the one that QEMU's translator offers"
    if _sysctl("sysctl.proc_translated") == "1":
        return "this process is translated by Rosetta"
    return None


def _arm_parts(cpuinfo: str) -> list[tuple[int, int]]:
    implementers = re.findall(r"^CPU implementer\s*:\s*(0x[0-9a-fA-F]+)", cpuinfo, re.MULTILINE)
    parts = re.findall(r"^CPU part\s*:\s*(0x[0-9a-fA-F]+)", cpuinfo, re.MULTILINE)
    return [(int(implementer, 16), int(part, 16)) for implementer, part in zip(implementers, parts, strict=False)]


def _part_name(implementer: int, part: int) -> str:
    return ARM_PARTS.get((implementer, part), f"Arm core {implementer:#04x}:{part:#05x}")


def _quotas(root: Path) -> Iterator[float]:
    """CPU quotas of the control groups around this process, in cores."""
    for text in _control_group_files(root, "cpu", ("cpu.max",)):
        quota, _, period = text.partition(" ")
        if quota.isdigit() and period.isdigit():
            yield int(quota) / int(period)
    quotas = _control_group_files(root, "cpu", ("cpu.cfs_quota_us",))
    periods = _control_group_files(root, "cpu", ("cpu.cfs_period_us",))
    for quota, period in zip(quotas, periods, strict=False):
        if quota.isdigit() and period.isdigit():
            yield int(quota) / int(period)


def _control_group_files(root: Path, controller: str, names: Sequence[str]) -> Iterator[str]:
    """The contents of files of this process's control group and every group around it, versions 1 and 2."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number != "0" and controller not in controllers.split(","):
            continue
        top = mount if number == "0" else mount / controller
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            for name in names:
                if text := _read(folder / name).strip():
                    yield text
            if folder == top:
                break


def _os_name() -> str:
    kernel = f"{platform.system()} {platform.release()}"
    name = f"macOS {platform.mac_ver()[0]}" if _MACOS else ""
    try:
        name = name or platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        name = name or platform.platform()
    bits = ", 32-bit Python" if sys.maxsize < 2**32 else ""
    return f"{name}, {kernel} {platform.machine()}{bits}"


def _versions(packages: Sequence[str]) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # /proc and /sys offer what the kernel was built with; what is not there is not known
        return ""


def _sysctl(key: str) -> str:
    if not _MACOS:
        return ""
    answer = subprocess.run(["sysctl", "-n", key], capture_output=True, text=True, check=False, timeout=5)
    return answer.stdout.strip()
