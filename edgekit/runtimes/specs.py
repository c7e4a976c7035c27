"""How an engine's own words for inputs and outputs become `TensorSpec`, in the order the artifact's manifest gives them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit import errors
from edgekit.core.tensor import DType, TensorSpec


def order(found: Sequence[TensorSpec], manifest: Sequence[TensorSpec]) -> list[int]:
    """Positions of `found` in the order of `manifest`; the file's own order when their names do not match."""
    places = {spec.name: index for index, spec in enumerate(found)}
    wanted = [spec.name for spec in manifest]
    return [places[name] for name in wanted] if sorted(wanted) == sorted(places) else list(range(len(found)))


def with_quantization(found: Iterable[TensorSpec], manifest: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """`found` with the scales of `manifest`, for formats whose files cannot say how an integer input is meant."""
    known = {spec.name: spec.quantization for spec in manifest}
    return tuple(replace(spec, quantization=spec.quantization or known.get(spec.name)) for spec in found)


def dtype(name: str, tensor: str, file: Path) -> DType:
    """The element type with numpy name `name`.

    Raises:
        InferenceError: edgekit has no such element type.
    """
    try:
        return DType(name)
    except ValueError:
        raise errors.InferenceError(
            f"{file.name}: {tensor} has elements of type {name}, which edgekit cannot feed.",
            fix=f"Use a model whose inputs and outputs are one of: {', '.join(kind.value for kind in DType)}.",
        ) from None


def existing(file: Path) -> Path:
    """`file`, when it is there.

    Raises:
        MissingFileError: It is not.
    """
    if not file.is_file():
        raise errors.MissingFileError(f"{file} does not exist.", fix="Check the path; `ls` its folder.")
    return file


def refusal(engine: str, file: Path, problem: Exception, damaged: Iterable[str]) -> errors.EdgekitError:
    """The edgekit error for an engine that refused a model file.

    Args:
        engine: The engine's name, as its users write it.
        file: The model file.
        problem: What the engine raised.
        damaged: Words in the engine's message that mean a damaged file, lower case.
    """
    words = first_line(problem)
    if any(sign in str(problem).lower() for sign in damaged):
        return errors.CorruptModelError(
            f"{file} is truncated or damaged; {engine} says: {words}",
            fix="Copy or build the file again; compare its size with the original.",
        )
    return errors.InferenceError(
        f"{engine} refused {file}: {words}",
        fix=f"`edgekit inspect {file}` lists its operators; update {engine} or convert to another target.",
    )


def first_line(problem: Any) -> str:
    """The last line of an engine's message that says something (engines put the source location first)."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("Exception from ")]
    return (telling or lines or [type(problem).__name__])[-1][:300]
