"""The plan of an epoch follows from seed and epoch alone, and moves images as it says."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.core.recipe import Augment
from edgekit.trainers.keras_inputs import augmentation, moved, plan_epoch

SHAPE = (9, 9, 1)


def test_a_plan_follows_from_seed_and_epoch() -> None:
    augment = Augment(shift=0.1, rotate_degrees=10, zoom=0.1)
    first, again = plan_epoch(50, 3, 4, augment, SHAPE), plan_epoch(50, 3, 4, augment, SHAPE)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    for seed, epoch in ((3, 5), (4, 4)):
        assert not np.array_equal(first[0], plan_epoch(50, seed, epoch, augment, SHAPE)[0])
    assert sorted(first[0]) == list(range(50))


def test_moves_stay_within_their_limits_and_differ_between_images() -> None:
    _, transforms = plan_epoch(1000, 0, 0, Augment(shift=0.2), SHAPE)
    assert np.allclose(transforms[:, [0, 4]], 1)
    assert np.abs(transforms[:, [2, 5]]).max() == pytest.approx(0.2 * 9, rel=0.05)
    _, transforms = plan_epoch(1000, 0, 0, Augment(rotate_degrees=30), SHAPE)
    assert np.rad2deg(np.arcsin(np.abs(transforms[:, 3]))).max() == pytest.approx(30, rel=0.05)


def test_images_are_moved_as_planned() -> None:
    tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow (extra keras) is not installed")
    image = np.random.default_rng(0).random((1, *SHAPE)).astype(np.float32)
    still = plan_epoch(1, 0, 0, None, SHAPE)[1]
    assert np.array_equal(moved(tensorflow, image, still), image)
    right = still.copy()
    right[0, 2] = 2  # reads two columns further right, so the picture moves left and repeats its border
    there = moved(tensorflow, image, right).numpy()
    assert np.allclose(there[:, :, :-2], image[:, :, 2:])
    assert np.allclose(there[:, :, -1], image[:, :, -1])
    turned = moved(tensorflow, image, plan_epoch(1, 0, 0, Augment(rotate_degrees=40, zoom=0.3), SHAPE)[1]).numpy()
    assert turned[0, 4, 4, 0] == pytest.approx(image[0, 4, 4, 0], abs=1e-5)  # the middle stays
    assert not np.allclose(turned, image, atol=0.05)


def test_vectors_are_not_augmented() -> None:
    assert augmentation({"shift": 0.1}, (5,)) is None
    assert augmentation({"shift": 0.0}, SHAPE) is None
    assert augmentation({"zoom": 0.1}, SHAPE) == Augment(zoom=0.1)
