"""Facts of machines, read from recorded /proc and /sys trees of boards and from the machine the tests run on."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from edgekit.measure import machine

RASPBERRY_PI_5 = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

"""

RK3588 = "".join(
    f"processor\t: {index}\nFeatures\t: fp asimd fphp asimdhp asimddp\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"
    for index, part in enumerate(["0xd05"] * 4 + ["0xd0b"] * 4)
)

RYZEN = (
    "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD Ryzen 7 7840U\nflags\t\t: fpu sse4_1 avx2 avx512_vnni\n"
)


def record(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_an_arm_board_is_named_by_its_cores_and_its_device_tree(tmp_path: Path) -> None:
    record(tmp_path, {"proc/cpuinfo": RASPBERRY_PI_5 * 4, "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"})
    assert machine.cpu_name(tmp_path) == "4 x Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)"
    assert machine.cpu_features(tmp_path) == ("asimd", "fphp", "asimdhp", "asimddp")


def test_both_clusters_of_a_big_little_board_are_named(tmp_path: Path) -> None:
    record(tmp_path, {"proc/cpuinfo": RK3588})
    assert machine.cpu_name(tmp_path) == "4 x Cortex-A55 + 4 x Cortex-A76"


def test_a_feature_counts_only_when_every_core_has_it(tmp_path: Path) -> None:
    record(tmp_path, {"proc/cpuinfo": RK3588.replace("asimddp", "", 1)})
    assert "asimddp" not in machine.cpu_features(tmp_path)
    assert "asimdhp" in machine.cpu_features(tmp_path)


def test_an_unknown_arm_core_is_shown_by_its_numbers(tmp_path: Path) -> None:
    record(tmp_path, {"proc/cpuinfo": RASPBERRY_PI_5.replace("0xd0b", "0xfff")})
    assert machine.cpu_name(tmp_path) == "1 x Arm core 0x41:0xfff"


def test_the_governors_of_all_clusters_are_reported(tmp_path: Path) -> None:
    assert machine.governor(tmp_path) is None
    for core, name in enumerate(("schedutil", "schedutil", "performance")):
        record(tmp_path, {f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor": f"{name}\n"})
    assert machine.governor(tmp_path) == "schedutil, performance"


@pytest.mark.parametrize(
    "files",
    [
        {
            "proc/self/cgroup": "0::/box\n",
            "sys/fs/cgroup/box/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/box/memory.max": "max\n",
            "sys/fs/cgroup/memory.max": "1048576\n",
        },
        {
            "proc/self/cgroup": "4:memory:/box\n1:cpu,cpuacct:/box\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "1048576\n",
        },
    ],
    ids=["version 2", "version 1"],
)
def test_control_group_limits_bound_cores_and_memory(tmp_path: Path, files: dict[str, str]) -> None:
    record(tmp_path, {"proc/meminfo": "MemTotal:        8000000 kB\n", **files})
    assert machine.usable_cores(tmp_path) == 1
    assert machine.memory_bytes(tmp_path) == 1048576


def test_without_limits_affinity_and_all_memory_count(tmp_path: Path) -> None:
    files = {"proc/meminfo": "MemTotal: 8000000 kB\n", "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}
    record(tmp_path, files)
    assert machine.usable_cores(tmp_path) == len(os.sched_getaffinity(0))
    assert machine.memory_bytes(tmp_path) == 8000000 * 1024


X86_KERNEL = {"sys/devices/system/cpu/modalias": "cpu:type:x86,ven0002fam0019mod0011:feature:,0000\n"}
ARM_KERNEL = {"sys/devices/system/cpu/modalias": "cpu:type:aarch64:feature:,0000\n"}


@pytest.mark.parametrize(
    ("architecture", "files", "emulated"),
    [
        ("aarch64", {"proc/cpuinfo": RASPBERRY_PI_5, **ARM_KERNEL}, False),
        ("aarch64", {"proc/cpuinfo": RASPBERRY_PI_5, **X86_KERNEL}, True),
        ("aarch64", {"proc/cpuinfo": RYZEN}, True),
        ("armv7l", {"proc/cpuinfo": RASPBERRY_PI_5, **ARM_KERNEL}, False),
        ("aarch64", {"proc/cpuinfo": "CPU implementer\t: 0x00\nCPU part\t: 0x051\n"}, True),
        ("x86_64", {"proc/cpuinfo": RYZEN.replace("flags\t\t:", "flags\t\t: hypervisor"), **X86_KERNEL}, False),
        ("x86_64", {"proc/cpuinfo": RYZEN.replace("AMD Ryzen 7 7840U", "QEMU TCG CPU version 2.5+"), **X86_KERNEL}, True),
        ("x86_64", {"proc/cpuinfo": RYZEN, **ARM_KERNEL}, True),
    ],
)
def test_emulation_is_told_from_virtualisation(
    tmp_path: Path, architecture: str, files: dict[str, str], emulated: bool
) -> None:
    record(tmp_path, files)
    assert (machine.emulation(architecture, tmp_path) is not None) is emulated


def test_this_machine_is_described_with_the_packages_that_are_here() -> None:
    found = machine.describe_machine("bench", ("numpy", "no-such-package"))
    assert found.device == "bench"
    assert found.cpu
    assert found.cores == machine.usable_cores() > 0
    assert found.memory_bytes > 2**27
    assert found.packages == {"numpy": version("numpy")}
