"""The input contract: one raw sample becomes the model's input, exactly as said."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from edgekit.core.contract import InputContract
from edgekit.core.tensor import Layout


def gradient(height: int, width: int, channels: int) -> np.ndarray:
    values = np.arange(height * width * channels) % 251
    return values.reshape(height, width, channels).astype(np.uint8)


def test_values_layout_and_batch_axis() -> None:
    raw = gradient(4, 6, 3)
    contract = InputContract(
        kind="image", height=4, width=6, layout=Layout.NCHW, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 5.0)
    )
    made = contract.apply(raw)
    assert made.shape == (1, 3, 4, 6)
    assert made.dtype == np.float32
    assert made[0, 1, 2, 3] == pytest.approx((raw[2, 3, 1] - 20.0) / 4.0)


def test_bgr_reverses_the_channels() -> None:
    raw = gradient(2, 2, 3)
    made = InputContract(kind="image", height=2, width=2, channels="bgr").apply(raw)
    assert np.array_equal(made[0], raw[:, :, ::-1])


def test_gray_uses_bt601_luma() -> None:
    raw = np.full((2, 2, 3), (100, 150, 200), np.uint8)
    made = InputContract(kind="image", height=2, width=2, channels="gray").apply(raw)
    assert made.shape == (1, 2, 2, 1)
    assert made[0, 0, 0, 0] == round(0.299 * 100 + 0.587 * 150 + 0.114 * 200)


def test_short_side_then_center_crop_takes_the_middle() -> None:
    raw = np.zeros((20, 40, 1), np.uint8)
    raw[:, 15:25] = 200
    contract = InputContract(
        kind="image",
        height=10,
        width=10,
        channels="gray",
        resize="short-side",
        resize_to=10,
        crop="center",
        interpolation="nearest",
    )
    made = contract.apply(raw)
    assert made.shape == (1, 10, 10, 1)
    assert made[0, 5, 5, 0] == 200
    assert made[0, 5, 0, 0] == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (np.zeros((5, 5, 3), np.uint8), "5x5"),
        (np.zeros((2, 2, 4), np.uint8), "1 or 3 channels"),
        (np.zeros((2, 2, 2, 2), np.uint8), "1 or 3 channels"),
    ],
)
def test_a_sample_that_cannot_fit_says_why(raw: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InputContract(kind="image", height=2, width=2).apply(raw)


@pytest.mark.parametrize("channels", ["rgb", "bgr", "gray"])
@pytest.mark.parametrize("resize", ["stretch", "short-side"])
def test_the_two_halves_make_the_whole(
    channels: Literal["rgb", "bgr", "gray"], resize: Literal["stretch", "short-side"]
) -> None:
    contract = InputContract(
        kind="image",
        height=8,
        width=8,
        channels=channels,
        resize=resize,
        resize_to=12,
        crop="center",
        mean=(9.0,),
        std=(3.0,),
    )
    raw = gradient(20, 30, 3)
    fitted = contract.fit(raw)
    assert fitted.dtype == np.uint8
    assert np.array_equal(contract.after_fit().apply(fitted), contract.apply(raw))
