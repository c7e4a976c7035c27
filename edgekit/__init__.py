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
        doctor,
        explain,
        import_model,
        inspect,
        load_report,
        prune,
        quantize,
        recipes,
        render,
        run,
        targets,
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
    "doctor",
    "explain",
    "import_model",
    "inspect",
    "load_report",
    "prune",
    "quantize",
    "recipes",
    "render",
    "run",
    "targets",
    "train",
    "validate",
]


def __getattr__(name: str) -> Any:
    """The API by name, imported when it is first used: `import edgekit` itself costs nothing."""
    if name in __all__:
        from edgekit import api

        return getattr(api, name)
    raise AttributeError(f"module 'edgekit' has no attribute {name!r}")
