"""Reading, in a child process: a dataset is checked sample by sample and streamed through the contract into `.npy` files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.core.contract import InputContract
from edgekit.core.protocols import Samples
from edgekit.core.recipe import Split
from edgekit.core.serde import from_json
from edgekit.core.tensor import DType, TensorSpec
from edgekit.datasets.split import stratified_split

Emit = Callable[[Mapping[str, Any]], None]

PROOF_SAMPLES = 256
"""Validation samples that a run proves on; the noise of agreement at 256 samples is at most 6 points (Wilson, 95 %)."""


def prepare(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Child process: reads a dataset and writes samples.npy and samples.json into `out`."""
    samples: Samples = registry.get("datasets", payload["dataset"]).open(payload["options"])
    where = str(payload["options"].get("path", payload["dataset"]))
    if len(samples) == 0:
        raise errors.DataError(f"{where} holds no samples.", fix="Give a folder with images, or an array with rows.")
    if payload["labelled"] and samples.targets is None:
        raise errors.DataError(
            f"{where} has no labels.",
            fix="Put each class's images in a folder named after it, give --labels labels.csv, or an .npz with x and y.",
        )
    spec = from_json(TensorSpec, payload["spec"])
    contract = from_json(InputContract, payload["contract"]) if payload["contract"] else None
    chosen = spread(len(samples), payload["limit"])
    _write_prepared(Path(payload["out"]), "samples", samples, chosen, contract, spec, emit)
    return {}


def split(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Child process: divides a dataset and writes what training, calibration and evaluation need into `out`."""
    import numpy as np

    samples: Samples = registry.get("datasets", payload["dataset"]).open(payload["options"])
    if samples.targets is None:
        raise errors.DataError(f"Dataset {payload['dataset']} has no labels to learn from.", fix="Give labelled data.")
    parts, notes = stratified_split(samples, from_json(Split, payload["shares"]), payload["seed"])
    out, contract = Path(payload["out"]), from_json(InputContract, payload["contract"])
    for name in ("train", "validation"):
        np.save(out / f"{name}_x.npy", _stack(samples, parts[name], contract))
        np.save(out / f"{name}_y.npy", np.asarray([samples.targets[i] for i in parts[name]], np.int64))
    calibration = [parts["train"][i] for i in spread(len(parts["train"]), payload["calibration"])]
    proofs = parts["validation"][:PROOF_SAMPLES]
    _write_prepared(out, "calibration", samples, calibration, contract, None, emit)
    _write_prepared(out, "evaluation", samples, [*proofs, *parts["test"]], contract, None, emit)
    facts = {
        "proofs": len(proofs),
        "calibration": len(calibration),
        "counts": {name: len(rows) for name, rows in parts.items()},
        "notes": list(notes),
    }
    (out / "split.json").write_text(json.dumps(facts), encoding="utf-8")
    return {}


def spread(count: int, limit: int | None) -> list[int]:
    """At most `limit` indices below `count`, evenly spread, in order."""
    if limit is None or limit >= count:
        return list(range(count))
    return [i * count // limit for i in range(limit)]


def _stack(samples: Samples, rows: Sequence[int], contract: InputContract) -> Any:
    """Samples for training, resized and cropped but in raw values, because augmentation comes before normalization."""
    import numpy as np

    arrays = [_fitted(samples, row, contract) for row in rows]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise errors.DataError(
            f"The samples differ in shape: {shapes[0]} and {shapes[-1]} among {len(shapes)} shapes.",
            fix="Give the input section a resize rule, such as `resize: stretch`.",
        )
    return np.stack(arrays)


def _fitted(samples: Samples, row: int, contract: InputContract) -> Any:
    try:
        return contract.fit(samples.raw(row))
    except ValueError as problem:
        raise _misfit(samples.identify(row), problem) from None


def _misfit(name: str, problem: ValueError) -> errors.DataError:
    return errors.DataError(
        f"Sample {name}: {problem}.",
        fix="Give a resize rule that fits: --resize stretch, or `resize: stretch` in the recipe's input section.",
    )


def _write_prepared(
    out: Path,
    name: str,
    samples: Samples,
    rows: Sequence[int],
    contract: InputContract | None,
    spec: TensorSpec | None,
    emit: Emit,
) -> None:
    """Streams rows of a dataset through the contract into `<name>.npy`; memory does not grow with their number."""
    import numpy as np

    first = _checked(samples, rows[0], contract, spec)
    array = np.lib.format.open_memmap(out / f"{name}.npy", mode="w+", dtype=first.dtype, shape=(len(rows), *first.shape))
    low, high = float("inf"), float("-inf")
    for position, row in enumerate(rows):
        value = _checked(samples, row, contract, spec)
        if value.shape != first.shape:
            names = f"{samples.identify(row)} becomes {list(value.shape)}, {samples.identify(rows[0])} {list(first.shape)}"
            raise errors.DataError(
                f"The samples differ in shape: {names}.",
                fix="Give a resize rule: --resize stretch, or --resize short-side --crop center.",
            )
        array[position] = value
        low, high = min(low, float(value.min())), max(high, float(value.max()))
        if position % 100 == 0:
            emit({"step": position, "steps": len(rows), "text": "reading samples"})
    array.flush()
    if low == high:
        raise errors.DataError(
            f"Every value of the {len(rows)} samples is {low:g}: constant data cannot calibrate or test anything.",
            fix="Give real samples of what the model will see.",
        )
    facts = {
        "labels": list(samples.labels),
        "truth": None if samples.targets is None else [int(samples.targets[i]) for i in rows],
        "identities": [samples.identify(i) for i in rows],
    }
    (out / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")


def _checked(samples: Samples, row: int, contract: InputContract | None, spec: TensorSpec | None) -> Any:
    """One sample as the model takes it, without its batch axis; every way in which it can be wrong is an error."""
    import numpy as np

    raw = np.asarray(samples.raw(row))
    name = samples.identify(row)
    if raw.dtype.kind == "f" and not np.isfinite(raw).all():
        raise errors.NonFiniteDataError(
            f"Sample {name} holds NaN or infinity.", fix="Remove or repair it; nothing was made."
        )
    _check_range(raw, name, contract, spec)
    try:
        value = contract.apply(raw)[0] if contract else raw
    except ValueError as problem:
        raise _misfit(name, problem) from None
    if spec is not None and spec.dtype in (DType.FLOAT32, DType.INT8, DType.UINT8):
        value = value.astype(np.float32)
    elif spec is not None:
        value = value.astype(spec.dtype.value)
    wanted = None if spec is None else spec.shape[1:]
    if wanted is not None and not fits(value.shape, wanted):
        raise errors.DataError(
            f"Sample {name} has shape {list(value.shape)}; the model's input {spec} takes {list(wanted)} a sample.",
            cause="The samples keep their batch axis, miss the channel axis, or are for another model.",
            fix=f"Give an array of shape [n, {', '.join(map(str, wanted))}], or images with --resize stretch.",
        )
    return value


def fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether a concrete shape is what a spec wants."""
    return len(shape) == len(wanted) and all(w is None or w == got for got, w in zip(shape, wanted, strict=True))


def _check_range(raw: Any, name: str, contract: InputContract | None, spec: TensorSpec | None) -> None:
    if contract is None and spec is not None and spec.dtype is DType.FLOAT32 and raw.dtype.kind in "iu":
        raise errors.DataError(
            f"Sample {name} holds integers ({raw.dtype}, {raw.min()}..{raw.max()}) and the model takes float32.",
            cause="Raw pixels, and nobody has said how they are normalized.",
            fix="Say it with --mean and --std (in raw units): --mean 0 --std 255 for a model that takes 0..1.",
        )
    if contract is None or contract.kind != "image" or raw.dtype.kind != "f":
        return
    if raw.size and float(raw.max()) <= 1.0 and max(contract.std) > 2.0:
        raise errors.DataError(
            f"Sample {name} is in {raw.min():.3g}..{raw.max():.3g} and the contract divides it by {max(contract.std):g}.",
            cause="The data was normalized before it was saved.",
            fix="Give raw 0..255 pixels, or say --mean 0 --std 1.",
        )
