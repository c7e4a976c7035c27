"""DeviceProfile: what one YAML file in devices/ says of a board - every fact with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA = "edgekit.device/1"


@dataclass(frozen=True)
class CoreCluster:
    """Equal CPU cores of a board: `count` cores of `name` (Cortex-A76), up to `max_ghz`, with `features` (asimddp, ...)."""

    name: str
    count: int
    max_ghz: float
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accelerator:
    """An accelerator of a board.

    Attributes:
        name: `coral`, `cuda`, `hailo-8l`, `rknn`, `ethos-u65`, `vx-npu`, `openvino-npu`, ...
        kind: `gpu`, `npu` or `tpu`.
        tops: Published peak, tera-operations a second at int8; None when its maker publishes none.
        reached_by: How a model gets there (TensorRT, OpenVINO, a LiteRT delegate, ...).
    """

    name: str
    kind: str
    reached_by: str
    tops: float | None = None


@dataclass(frozen=True)
class DeviceProfile:
    """A board (or the host) and what can be expected of it.

    Attributes:
        name: Entry in `edgekit devices list`.
        title: The maker's name for it.
        architecture: As `uname -m` prints it: x86_64, aarch64, armv7l; `any` for the host and for plug-in accelerators.
        cores: CPU core clusters; empty for the host (asked when it is used) and for plug-in accelerators.
        memory_gib: Memory sizes it is sold with.
        systems: Operating systems it is run with.
        runtimes: Runtime name to how well it runs there (`ok`, or a sentence of what to know).
        accelerators: What else it has.
        sensors: Sensor to the path or command that reads it: temperature, frequency, governor, throttle, power.
        notes: What a deployer should know.
        sources: Where each group of facts comes from: group to address or document.
    """

    name: str
    title: str
    architecture: str
    cores: tuple[CoreCluster, ...] = ()
    memory_gib: tuple[float, ...] = ()
    systems: tuple[str, ...] = ()
    runtimes: Mapping[str, str] = field(default_factory=dict)
    accelerators: tuple[Accelerator, ...] = ()
    sensors: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
