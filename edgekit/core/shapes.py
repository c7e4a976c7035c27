"""Fixed input shapes: what converters and static passes demand before they start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgekit.core.protocols import Work
from edgekit.core.tensor import TensorSpec
from edgekit.errors import DynamicShapeError, UsageError


def fixed_inputs(work: Work) -> tuple[TensorSpec, ...]:
    """The inputs of the model with every dimension fixed, by the file itself or by the option `shapes`.

    Boards run one shape: a static graph is what their compilers, delegates and integer kernels accept. A first dimension
    that alone is open is the batch, and becomes 1.

    Raises:
        DynamicShapeError: Another dimension is open and `shapes` does not fix it.
        UsageError: `shapes` names an input that does not exist, or does not fit its rank or its fixed dimensions.
    """
    asked = dict(work.options.get("shapes") or {})
    fixed = tuple(_fix(spec, asked.pop(spec.name, None)) for spec in work.inputs)
    if asked:
        known = ", ".join(str(spec) for spec in work.inputs)
        raise UsageError(f"The model has no input named {next(iter(asked))}.", fix=f"Its inputs: {known}.")
    return fixed


def _fix(spec: TensorSpec, shape: Sequence[int] | None) -> TensorSpec:
    if shape is None:
        if spec.is_static:
            return spec
        if spec.shape[0] is None and None not in spec.shape[1:]:
            return replace(spec, shape=(1, *spec.shape[1:]))
        raise DynamicShapeError(
            f"Input {spec} has no fixed shape.",
            fix=f"Give it one: --shape {spec.name}={','.join(str(d or 1) for d in spec.shape)} (put the real sizes in).",
            cause="A dimension was left open when the model was made.",
        )
    fits = len(shape) == len(spec.shape) and all(own in (None, new) for own, new in zip(spec.shape, shape, strict=True))
    if not fits or any(size < 1 for size in shape):
        raise UsageError(
            f"The shape {list(shape)} does not fit input {spec}.",
            fix="Give one positive size for each dimension, and keep those that are fixed.",
        )
    return replace(spec, shape=tuple(shape))
