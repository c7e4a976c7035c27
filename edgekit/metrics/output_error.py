"""Output error: how far an artifact's outputs are from its source's, and whether they are sane by themselves."""

from __future__ import annotations

import math
from typing import Any

from edgekit.core.proof import Gate, OutputParity

SATURATED_SHARE = 0.2
"""More than this share of an output cut off at its own extremes is saturation."""

CUT_OFF_ERROR = 0.1
"""A value at an output's extreme is cut off when the source's value lies further away than this share of the source's range;
a softmax whose small scores are all rounded to 0 is not."""


def parity(name: str, reference: Any, output: Any) -> OutputParity:
    """One output against its reference, over all samples.

    SNR is 10 log10(sum(reference^2) / sum((reference - output)^2)); cosine is between the two flattened arrays.

    Args:
        name: The output's name.
        reference: `float[n, ...]` of the source.
        output: `float[n, ...]` of the artifact, same shape.
    """
    import numpy as np

    ref, out = np.asarray(reference, np.float64).ravel(), np.asarray(output, np.float64).ravel()
    finite = np.isfinite(out)
    error = np.where(finite, out - ref, np.inf)
    noise, signal = float(np.sum(np.square(error))), float(np.sum(np.square(ref)))
    if noise == 0.0:
        snr_db: float | None = None
    elif signal == 0.0 or not finite.all():
        snr_db = -999.0
    else:
        snr_db = 10.0 * math.log10(signal / noise)
    norms = float(np.linalg.norm(ref)) * float(np.linalg.norm(out[finite]))
    cosine = float(ref[finite] @ out[finite]) / norms if norms > 0.0 else float(noise == 0.0)
    return OutputParity(
        name=name,
        max_abs_error=float(np.max(np.abs(error))) if finite.all() else float(np.finfo(np.float64).max),
        snr_db=snr_db,
        cosine=cosine,
        reference_min=float(ref.min()),
        reference_max=float(ref.max()),
    )


def gates(name: str, reference: Any, output: Any) -> list[Gate]:
    """The sanity gates of one output: finite, varying, not all zero, not saturated.

    A gate asks only what the reference itself passes: a source whose output is constant may have a constant artifact.
    """
    import numpy as np

    ref, out = np.asarray(reference), np.asarray(output)
    bad = int(out.size - np.count_nonzero(np.isfinite(out)))
    found = [Gate(f"{name}: finite", bad == 0, f"{bad} of {out.size} values are NaN or infinite")]
    if bad:
        return found
    zero = not out.any()
    found.append(
        Gate(f"{name}: not all zero", not zero or not ref.any(), "every value is 0" if zero else "has values other than 0")
    )
    constant, source_constant = _constant(out), _constant(ref)
    found.append(
        Gate(
            f"{name}: varies",
            not constant or source_constant,
            "the same output for every sample" if constant else "differs from sample to sample",
        )
    )
    share = _cut_off_share(ref, out)
    found.append(
        Gate(
            f"{name}: not saturated",
            share <= SATURATED_SHARE or constant,
            f"{100 * share:.1f} % of the values are cut off at the output's least or largest",
        )
    )
    return found


def answers(output: Any) -> Any | None:
    """`int64[n]`: the argmax of a `[n, classes]` output, or None when the output is not one of scores."""
    import numpy as np

    array = np.asarray(output)
    if array.ndim != 2 or array.shape[1] < 2:
        return None
    return np.nan_to_num(array, nan=-np.inf).argmax(axis=1)


def _constant(values: Any) -> bool:
    return len(values) > 1 and bool((values == values[:1]).all())


def _cut_off_share(ref: Any, out: Any) -> float:
    extreme = (out == out.min()) | (out == out.max())
    far = abs(ref - out) > CUT_OFF_ERROR * float(ref.max() - ref.min())
    return float((extreme & far).mean())
