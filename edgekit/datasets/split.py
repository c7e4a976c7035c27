"""Divides samples into train, validation and test: seeded, each class in proportion, duplicates never across splits."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from edgekit.core.protocols import Samples
from edgekit.core.recipe import Split
from edgekit.errors import DataError, RecipeError

NAMES = ("train", "validation", "test")


def stratified_split(samples: Samples, shares: Split, seed: int) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Divides labelled samples.

    Args:
        samples: Every one has a label.
        shares: How much goes where.
        seed: The same seed divides alike.

    Returns:
        Indices of each split, in a random order, so that any first part of a split is a fair sample of it; and notes
        about duplicates.

    Raises:
        RecipeError: The shares do not add up to 1.
        DataError: The samples have no labels, or too few for the split.
    """
    if samples.targets is None:
        raise DataError("These samples have no labels to divide by.", fix="Give labelled data.")
    prints = [fingerprint(sample) for sample in samples]
    parts = divide(samples.targets, prints, shares, seed)
    return parts, _notes(samples, prints)


def fingerprint(sample: Any) -> str:
    """Equal exactly for samples of equal type, shape and bytes."""
    import numpy as np

    array = np.ascontiguousarray(sample)
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()


def divide(targets: Sequence[int], prints: Sequence[str], shares: Split, seed: int) -> dict[str, list[int]]:
    """Indices of each split; samples with the same print stay together.

    Raises:
        RecipeError: The shares do not add up to 1.
        DataError: A split would be empty.
    """
    wanted_shares = {name: float(getattr(shares, name)) for name in NAMES}
    if abs(sum(wanted_shares.values()) - 1) > 1e-6 or min(wanted_shares.values()) < 0:
        raise RecipeError(
            f"The shares of the split ({', '.join(f'{k} {v:g}' for k, v in wanted_shares.items())}) do not add up to 1.",
            fix="Give train, validation and test shares that add up to 1, such as 0.7, 0.1 and 0.2.",
        )
    rng = random.Random(seed)  # noqa: S311 - reproducible on purpose; no secret depends on it
    parts: dict[str, list[int]] = {name: [] for name in NAMES}
    for groups in _groups_by_class(targets, prints):
        rng.shuffle(groups)
        _deal(groups, wanted_shares, parts)
    for name in NAMES:
        if wanted_shares[name] > 0 and not parts[name]:
            raise DataError(
                f"{len(targets)} samples are too few: the {name} split would be empty.",
                fix=f"Add samples, or give {name} a larger share.",
            )
        rng.shuffle(parts[name])
    return parts


def _groups_by_class(targets: Sequence[int], prints: Sequence[str]) -> list[list[list[int]]]:
    """For each class, in order, its groups of identical samples; a group counts for the class of its first sample."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(prints):
        groups[key].append(index)
    classes: dict[int, list[list[int]]] = defaultdict(list)
    for group in groups.values():
        classes[targets[group[0]]].append(group)
    return [classes[label] for label in sorted(classes)]


def _deal(groups: list[list[int]], shares: dict[str, float], parts: dict[str, list[int]]) -> None:
    """Fills test and validation up to their share of the class; all else is for training."""
    count = sum(len(group) for group in groups)
    room = {name: int(count * shares[name] + 0.5) for name in ("test", "validation")}
    for group in groups:
        name = next((name for name in room if room[name] >= len(group)), "train")
        if name != "train":
            room[name] -= len(group)
        parts[name].extend(group)


def _notes(samples: Samples, prints: Sequence[str]) -> tuple[str, ...]:
    first: dict[str, int] = {}
    copies, contradictions = 0, []
    assert samples.targets is not None
    for index, key in enumerate(prints):
        original = first.setdefault(key, index)
        copies += original != index
        if samples.targets[original] != samples.targets[index]:
            contradictions.append(f"{samples.identify(original)} and {samples.identify(index)}")
    notes = []
    if copies:
        notes.append(f"{copies} of {len(prints)} samples are exact copies of others; copies stay in one split.")
    if contradictions:
        notes.append(f"{len(contradictions)} copies have another label than their original, the first: {contradictions[0]}.")
    return tuple(notes)
