"""The reference pages name every key, and their examples load."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from edgekit.config.load import load_device, load_recipe
from edgekit.core.device import DeviceProfile
from edgekit.core.recipe import Recipe

DOCS = Path(__file__).parents[3] / "docs"


def keys(kind: Any) -> set[str]:
    """Every key of a dataclass and of the dataclasses in it."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return set(hints).union(*(keys(hint) for hint in hints.values()))
    return set().union(*(keys(part) for part in typing.get_args(kind)))


@pytest.mark.parametrize(("page", "kind"), [("recipe.md", Recipe), ("device.md", DeviceProfile)])
def test_the_reference_page_names_every_key(page: str, kind: type) -> None:
    text = (DOCS / "reference" / page).read_text()
    assert sorted(key for key in keys(kind) if f"`{key}`" not in text) == []


@pytest.mark.parametrize(("page", "load"), [("reference/recipe.md", load_recipe), ("how-to/add-a-device.md", load_device)])
def test_the_example_of_the_page_loads(tmp_path: Path, page: str, load: Any) -> None:
    found = re.search(r"^( *)```yaml\n(.*?)^ *```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found
    file = tmp_path / "example.yaml"
    file.write_text("\n".join(line[len(found[1]) :] for line in found[2].splitlines()))
    assert load(file).name in {"my-photos", "my-board"}
