"""edgekit: a float model goes in, a proven artifact for a real board comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edgekit.api import (
        Inspection,
        Preprocessing,
        Validation,
        bench,
        convert,
        devices,
        diff,
        doctor,
        explain,
        import_model,
        inspect,
        install_toolchain,
        load_report,
        prune,
        quantize,
        recipes,
        remove_toolchain,
        render,
        run,
        targets,
        toolchains,
        train,
        validate,
    )

__all__ = [
    "Inspection",
    "Preprocessing",
    "Validation",
    "__version__",
    "bench",
    "convert",
    "devices",
    "diff",
    "doctor",
    "explain",
    "import_model",
    "inspect",
    "install_toolchain",
    "load_report",
    "prune",
    "quantize",
    "recipes",
    "remove_toolchain",
    "render",
    "run",
    "targets",
    "toolchains",
    "train",
    "validate",
]


def __getattr__(name: str) -> Any:
    """The API by name, imported when it is first used: `import edgekit` itself costs nothing."""
    if name in __all__:
        from edgekit import api

        return getattr(api, name)
    raise AttributeError(f"module 'edgekit' has no attribute {name!r}")
