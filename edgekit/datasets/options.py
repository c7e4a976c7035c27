"""The options of a dataset: unknown keys are refused by name, a path must be there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.errors import MissingFileError, RecipeError
from edgekit.registry import nearest


def refuse_unknown(dataset: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Checks the keys of `options`.

    Raises:
        RecipeError: A key that the dataset does not know.
    """
    for key in options:
        if key not in known:
            near = nearest(key, known)
            hint = f"Did you mean {near}? " if near else ""
            raise RecipeError(
                f"Dataset {dataset} has no option {key!r}.", fix=f"{hint}It takes: {', '.join(known) or 'no options'}."
            )


def required_path(dataset: str, options: Mapping[str, Any], what: str) -> Path:
    """The option `path`, which must exist.

    Raises:
        RecipeError: The option is missing.
        MissingFileError: Nothing is there.
    """
    if not options.get("path"):
        raise RecipeError(f"Dataset {dataset} needs the option path.", fix=f"Add `path: ...`, {what}.")
    path = Path(str(options["path"])).expanduser()
    if not path.exists():
        raise MissingFileError(f"{path} does not exist.", fix=f"Give {what}; `ls {path.parent}` shows what is there.")
    return path
