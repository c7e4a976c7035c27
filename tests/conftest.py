"""Fixtures every test can ask for."""

from __future__ import annotations

import pytest

from tests.models import Zoo


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """The tiny CNN in every format; read its files, write elsewhere."""
    return Zoo(tmp_path_factory.mktemp("zoo"))
