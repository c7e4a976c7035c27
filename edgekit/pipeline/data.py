"""Data for a run: a dataset is read once, checked, put through the input contract and written as `.npy` files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.core import contract as contracts
from edgekit.core.contract import InputContract
from edgekit.core.recipe import Recipe
from edgekit.core.serde import dumps, to_json
from edgekit.core.tensor import DType, TensorSpec
from edgekit.pipeline import reading
from edgekit.pipeline.store import code_digest
from edgekit.pipeline.tools import Tools


@dataclass(frozen=True)
class Prepared:
    """Samples ready for a model.

    Attributes:
        files: One `.npy` file an input of the model, `[n, ...]` through the contract, without the batch axis.
        names: The inputs' names; empty where only the first input is meant.
        origin: Where they came from, in words.
        labels: Class names.
        truth: Label of each sample, or None.
        identities: A name a user can find again, for each sample.
        digest: Identifies the samples and the contract.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    origin: str
    labels: tuple[str, ...]
    truth: tuple[int, ...] | None
    identities: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.identities)

    def arranged(self, inputs: Sequence[TensorSpec]) -> tuple[Path, ...]:
        """The files in the order of a model's inputs; two formats of one model may order them differently."""
        by_name = dict(zip(self.names, self.files, strict=False))
        wanted = [spec.name for spec in inputs]
        if set(wanted) <= set(by_name):
            return tuple(by_name[name] for name in wanted)
        return self.files


@dataclass(frozen=True)
class Division:
    """A dataset divided for training; `evaluation` is the proof's validation samples followed by the test split.

    Attributes:
        folder: Holds train_x.npy, train_y.npy, validation_x.npy, validation_y.npy for the trainer.
        calibration: Training samples for static quantization.
        evaluation: Samples that artifacts are run on.
        proofs: How many of the first evaluation samples are the proof's.
        counts: Samples in each split.
        notes: What the split has to say.
    """

    folder: Path
    calibration: Prepared
    evaluation: Prepared
    proofs: int
    counts: Mapping[str, int]
    notes: tuple[str, ...]


def locate(path: Path) -> tuple[str, dict[str, Any]]:
    """The dataset plugin for a path that a user typed, with its options.

    Raises:
        MissingFileError: Nothing is there.
        WrongFormatError: No dataset plugin reads such a file.
    """
    if not path.exists():
        raise errors.MissingFileError(f"{path} does not exist.", fix="Give a folder of images, or an .npz or .npy file.")
    if path.is_dir():
        return "image_folder", {"path": str(path.resolve())}
    if path.suffix in (".npz", ".npy"):
        return "npz", {"path": str(path.resolve())}
    raise errors.WrongFormatError(
        f"{path} is not data that edgekit reads.", fix="Give a folder of images, an .npz with x (and y), or an .npy with x."
    )


def fingerprint(path: Path) -> str:
    """Changes when the data at `path` changes: names, sizes and modification times of its files."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return dumps([[str(p), p.stat().st_size, p.stat().st_mtime_ns] for p in files])


def prepared(
    path: Path,
    spec: TensorSpec,
    contract: InputContract | None,
    tools: Tools,
    *,
    limit: int | None,
    labelled: bool = False,
    labels: Path | None = None,
) -> Prepared:
    """Samples of `path` through `contract`, checked against the model's input `spec`.

    Args:
        path: A folder of images, an .npz or an .npy.
        spec: The model's first input.
        contract: From raw samples to the input; None takes them as they are.
        tools: Runs the reading and keeps the result.
        limit: At most so many, spread over the whole set; None takes all.
        labelled: Whether every sample must have a label.
        labels: A CSV file with columns file, class_index for an image folder.

    Raises:
        MissingFileError: Nothing is at `path`.
        DataError: Empty, of the wrong shape or range, constant, without labels when `labelled`.
        NonFiniteDataError: NaN or infinity in it.
    """
    if limit is not None and limit < 1:
        raise errors.UsageError(f"{limit} samples are none.", fix="Give --samples 1 or more.")
    dataset, options = locate(path)
    if labels is not None:
        options["labels"] = str(labels.resolve())
    if contract is None and dataset == "image_folder":
        raise errors.DataError(
            f"{path} holds images and nobody has said how an image becomes the input {spec}.",
            fix="Say it with --mean and --std (in 0..255 units): --mean 0 --std 255 for a model that takes 0..1, "
            "--mean 127.5 --std 127.5 for -1..1, --mean 0 --std 1 for one that takes 0..255.",
        )
    if contract is not None and contract.channels == "gray":
        options["gray"] = True
    request = {
        "what": "prepare",
        "dataset": dataset,
        "code": code_digest(registry.get("datasets", dataset), contracts, reading),
        "options": options,
        "files": fingerprint(path) + (fingerprint(labels) if labels else ""),
        "contract": to_json(contract),
        "spec": to_json(spec),
        "limit": limit,
        "labelled": labelled,
    }
    entry = tools.store.produce(
        request, lambda out: void(tools.workshop.call("data", "prepare", {**request, "out": str(out)}))
    )
    return _read_prepared(entry.path, "samples", f"{len_of(entry.path)} samples of {path.name}")


def synthetic(inputs: Sequence[TensorSpec], tools: Tools, count: int = 32) -> Prepared:
    """Seeded random samples for a model that nobody gave data for: normal for floats, small counts for integers.

    Raises:
        DynamicShapeError: An input has a dimension, other than the batch, that is not fixed.
    """
    import numpy as np

    for spec in inputs:
        if None in spec.shape[1:]:
            raise errors.DynamicShapeError(
                f"Input {spec} has dimensions that are not fixed.",
                fix=f"Fix them: --shape {spec.name}=1,{','.join('SIZE' if d is None else str(d) for d in spec.shape[1:])}",
            )
    parts = {"what": "synthetic", "inputs": to_json(inputs), "count": count}

    def make(out: Path) -> None:
        generator = np.random.default_rng(0)
        for index, spec in enumerate(inputs):
            shape = (count, *(size or 1 for size in spec.shape[1:]))
            if spec.dtype.is_integer and not spec.quantization:
                values = generator.integers(0, 8, shape).astype(spec.dtype.value)
            elif spec.dtype is DType.BOOL:
                values = generator.integers(0, 2, shape).astype(bool)
            else:
                values = generator.standard_normal(shape).astype(np.float32)
            np.save(out / f"{index}.npy", values)

    folder = tools.store.produce(parts, make).path
    return Prepared(
        files=tuple(folder / f"{index}.npy" for index in range(len(inputs))),
        names=tuple(spec.name for spec in inputs),
        origin=f"{count} random samples",
        labels=(),
        truth=None,
        identities=tuple(f"random {i}" for i in range(count)),
        digest=folder.name,
    )


def divided(recipe: Recipe, tools: Tools) -> Division:
    """A recipe's dataset divided into train, validation and test; the same seed divides alike.

    Raises:
        UnknownNameError: No such dataset plugin.
        DataError: No samples, or too few for the split.
        MissingPackageError: The package that holds the data is not installed.
    """
    plugin = registry.get("datasets", recipe.data.dataset)
    path = recipe.data.options.get("path")
    request = {
        "what": "split",
        "dataset": recipe.data.dataset,
        "code": code_digest(plugin, contracts, reading),
        "options": dict(recipe.data.options),
        "files": fingerprint(Path(path)) if path and Path(path).exists() else "",
        "versions": versions(plugin.packages),
        "contract": to_json(recipe.input),
        "shares": to_json(recipe.data.split),
        "calibration": recipe.calibration.samples,
        "seed": recipe.seed,
    }
    entry = tools.store.produce(
        request, lambda out: void(tools.workshop.call("data", "split", {**request, "out": str(out)}))
    )
    facts = json.loads((entry.path / "split.json").read_text(encoding="utf-8"))
    return Division(
        folder=entry.path,
        calibration=_read_prepared(entry.path, "calibration", f"{facts['calibration']} training samples"),
        evaluation=_read_prepared(entry.path, "evaluation", "validation samples"),
        proofs=facts["proofs"],
        counts=facts["counts"],
        notes=tuple(facts["notes"]),
    )


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed version of each distribution; `missing` for one that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def void(_: object) -> None:
    """Drops a chore's result where only the files it wrote matter."""


def len_of(folder: Path) -> int:
    """Number of prepared samples in a stored folder."""
    return len(json.loads((folder / "samples.json").read_text(encoding="utf-8"))["identities"])


def _read_prepared(folder: Path, name: str, origin: str) -> Prepared:
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Prepared(
        files=(folder / f"{name}.npy",),
        names=(),
        origin=origin,
        labels=tuple(facts["labels"]),
        truth=None if facts["truth"] is None else tuple(facts["truth"]),
        identities=tuple(facts["identities"]),
        digest=f"{folder.name}/{name}",
    )
