"""The device profiles that come with edgekit, and what a person who writes one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.config.load import device_path, find_devices, load_device
from edgekit.config.rules import SOURCED
from edgekit.core.device import DeviceProfile
from edgekit.errors import RecipeError, UnknownNameError

BOARDS = (
    *("host", "raspberry-pi-3b", "raspberry-pi-4b", "raspberry-pi-5", "raspberry-pi-zero-2-w"),
    *("jetson-nano", "jetson-orin-nano", "jetson-agx-orin", "jetson-xavier-nx"),
    *("coral-usb-accelerator", "coral-dev-board", "intel-n100", "intel-core-ultra", "rk3588", "imx8m-plus", "imx93"),
)

GOOD = """\
schema: edgekit.device/1
name: my-board
title: My board
architecture: aarch64
cores:
  - {name: Cortex-A55, count: 4, max_ghz: 1.8}
sensors:
  temperature: /sys/class/thermal/thermal_zone0/temp
sources:
  cores: lscpu on the board
  sensors: read on the board
"""


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_a_profile_whose_facts_have_sources(name: str) -> None:
    profile: DeviceProfile = load_device(device_path(name))
    assert profile.name == name
    for group in SOURCED:
        if getattr(profile, group):
            assert profile.sources[group], f"{name}: {group} has no source"


def test_no_profile_is_forgotten_here() -> None:
    assert set(find_devices()) == set(BOARDS)


def test_boards_without_a_dot_product_are_told_from_those_with_one() -> None:
    def has_dot_product(name: str) -> bool:
        return any("asimddp" in core.features for core in load_device(device_path(name)).cores)

    assert has_dot_product("raspberry-pi-5")
    assert not has_dot_product("raspberry-pi-4b")


def test_a_profile_of_ones_own_loads_from_its_path(tmp_path: Path) -> None:
    file = tmp_path / "my-board.yaml"
    file.write_text(GOOD)
    assert load_device(device_path(file)).cores[0].max_ghz == 1.8


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  cores: lscpu on the board\n", "", ":5:1: `cores` has no source; add `cores:` to `sources`"),
        ("aarch64", "arm64", "`architecture` must be one of x86_64, aarch64, armv7l, any; it is the text 'arm64'"),
        ("temperature:", "temprature:", "unknown sensor `temprature`; did you mean temperature?"),
        ("count: 4", "count: 0", "`cores[0].count` must be 1 or more"),
        ("title: My board\n", "", "`title` is missing: text"),
        ("max_ghz", "max_hz", "unknown key `max_hz` in `cores[0]`; did you mean `max_ghz`?"),
        ("  sensors: read", "  sensor: read", "unknown group of facts `sensor`; did you mean sensors?"),
        ("edgekit.device/1", "edgekit.recipe/1", "a device has `schema: edgekit.device/1`"),
    ],
)
def test_each_mistake_in_a_profile_is_named(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    file = tmp_path / "my-board.yaml"
    file.write_text(GOOD.replace(before, after, 1))
    with pytest.raises(RecipeError) as caught:
        load_device(file)
    assert said in caught.value.message


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        device_path("raspberry-pi5")
    assert "Did you mean raspberry-pi-5?" in caught.value.fix
