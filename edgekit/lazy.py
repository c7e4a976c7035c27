"""The only doors to optional packages: `require` imports one or says how to install it, `installed` only looks."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from edgekit.errors import MissingPackageError

DISTRIBUTION = "edgekit-ml"


def require(module: str, *, extra: str) -> Any:
    """Imports and returns `module`.

    Args:
        module: Dotted name, such as `ai_edge_litert.interpreter`.
        extra: The extra of edgekit that installs it, such as `litert`.

    Raises:
        MissingPackageError: The package is not installed; the fix is the command that installs it.
    """
    top = module.partition(".")[0]
    if not installed(top):
        raise MissingPackageError(f"The package {top} is not installed.", fix=install_command(extra))
    loaded: ModuleType = importlib.import_module(module)
    return loaded


def installed(module: str) -> bool:
    """Whether the top-level package `module` can be imported; imports nothing."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def install_command(extra: str) -> str:
    """The command that installs one extra (or several, with commas) of edgekit: from its checkout where it runs from one."""
    root = Path(__file__).parents[1]
    where = str(root) if (root / "pyproject.toml").is_file() else DISTRIBUTION
    return f"pip install '{where}[{extra}]'"
