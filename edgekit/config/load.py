"""Recipes and device profiles by path or by name, from the checkout's folders or from the installed package."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgekit import registry
from edgekit.config import rules, shape
from edgekit.config.document import Document, read_document
from edgekit.core import device, recipe
from edgekit.core.device import DeviceProfile
from edgekit.core.recipe import Recipe

SUFFIXES = (".yaml", ".yml")


def load_recipe(path: Path) -> Recipe:
    """Reads and checks a recipe.

    Raises:
        MissingFileError: There is no such file.
        RecipeError: It is no recipe; the message has every problem with its line.
    """
    fix = "Correct the lines named above; `edgekit recipes show digits` is an example with every key explained."
    loaded: Recipe = _load(path, Recipe, recipe.SCHEMA, rules.check_recipe, fix)
    return loaded


def load_device(path: Path) -> DeviceProfile:
    """Reads and checks a device profile.

    Raises:
        MissingFileError: There is no such file.
        RecipeError: It is no device profile; the message has every problem with its line.
    """
    fix = "Correct the lines named above; `edgekit devices show raspberry-pi-5` is an example."
    loaded: DeviceProfile = _load(path, DeviceProfile, device.SCHEMA, rules.check_device, fix)
    return loaded


def find_recipes() -> dict[str, Path]:
    """The recipes that come with edgekit: name to file."""
    return _find("recipes")


def find_devices() -> dict[str, Path]:
    """The device profiles that come with edgekit: name to file."""
    return _find("devices")


def recipe_path(name_or_path: str | Path) -> Path:
    """The file of a recipe: a path is taken as it is, a bare name is one of `find_recipes`.

    Raises:
        UnknownNameError: No recipe has this name.
    """
    return _resolve("recipe", name_or_path, find_recipes())


def device_path(name_or_path: str | Path) -> Path:
    """The file of a device profile: a path is taken as it is, a bare name is one of `find_devices`.

    Raises:
        UnknownNameError: No device has this name.
    """
    return _resolve("device", name_or_path, find_devices())


def _load(path: Path, kind: type, schema: str, check: Callable[[Document], None], fix: str) -> Any:
    document = read_document(path)
    what = schema.partition(".")[2].partition("/")[0]
    if not isinstance(document.value, dict):
        if document.value is None:
            document.at_value((), f"the file is empty; a {what} starts with `schema: {schema}`")
        else:
            document.at_value((), f"a {what} is a mapping (`key: value` lines); this is {shape.shown(document.value)}")
        document.check(fix)
    _check_schema(document, what, schema)
    check(document)
    built = shape.build(kind, document)
    document.check(fix)
    return built


def _check_schema(document: Document, what: str, schema: str) -> None:
    found = document.value.pop("schema", None)
    if found == schema:
        return
    if found is None:
        document.at_value((), f"the key `schema` is missing; a {what} starts with `schema: {schema}`")
    elif isinstance(found, str) and found.partition("/")[0] == schema.partition("/")[0]:
        document.at_value(("schema",), f"this edgekit reads `schema: {schema}`; the file is {found}")
    else:
        document.at_value(("schema",), f"a {what} has `schema: {schema}`; this file has {shape.shown(found)}")


def _find(folder: str) -> dict[str, Path]:
    package = Path(__file__).parents[1]
    # A wheel carries them as package data; in a checkout they lie beside the package.
    installed, checkout = package / "data" / folder, package.parent / folder
    files = (installed if installed.is_dir() else checkout).glob("*")
    return {file.stem: file for file in sorted(files) if file.suffix in SUFFIXES}


def _resolve(what: str, name_or_path: str | Path, known: dict[str, Path]) -> Path:
    path = Path(name_or_path)
    separators = {os.sep, os.altsep} - {None}
    if isinstance(name_or_path, Path) or path.suffix in SUFFIXES or any(str(s) in name_or_path for s in separators):
        return path
    if name_or_path not in known:
        raise registry.unknown(what, name_or_path, known)
    return known[name_or_path]
