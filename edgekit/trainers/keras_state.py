"""The state of a training run in one file, replaced whole after each epoch: a killed run goes on from its last epoch."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.core.protocols import Epoch
from edgekit.core.serde import from_json, to_json

_FILE = "state.npz"


class State:
    """Weights, optimizer and best weights of a run, and its history.

    Args:
        folder: Where the file is kept.
        key: Says what is being trained; a state with another key is not taken up.
        weights: The model's variables.
        optimizer: The optimizer's variables.
    """

    def __init__(self, folder: Path, key: str, weights: Sequence[Any], optimizer: Sequence[Any]) -> None:
        self._file = folder / _FILE
        self._key = key
        self._weights = list(weights)
        self._optimizer = list(optimizer)
        self.history: list[Epoch] = []
        self.best: list[Any] = []
        """Weights of the epoch with the least validation loss."""

    @property
    def best_epoch(self) -> int:
        """Index of the first epoch with the least validation loss; 0 before the first."""
        losses = [epoch.validation_loss for epoch in self.history]
        return losses.index(min(losses)) if losses else 0

    def add(self, epoch: Epoch) -> None:
        """Adds a finished epoch and saves everything."""
        self.history.append(epoch)
        if self.best_epoch == len(self.history) - 1:
            self.best = [weight.numpy() for weight in self._weights]
        self._save()

    def restore(self) -> bool:
        """Takes up a saved state of the same run, if there is one that is whole."""
        import numpy as np

        try:
            with np.load(self._file, allow_pickle=False) as saved:
                said = json.loads(str(saved["said"]))
                if said["key"] != self._key:
                    return False
                groups = {kind: [saved[f"{kind}{i}"] for i in range(said[kind])] for kind in ("weight", "optimizer", "best")}
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return False
        for variables, values in ((self._weights, groups["weight"]), (self._optimizer, groups["optimizer"])):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self.best = groups["best"]
        self.history = [from_json(Epoch, epoch) for epoch in said["history"]]
        return True

    def use_best(self) -> None:
        """Puts the best weights into the model."""
        for weight, value in zip(self._weights, self.best, strict=True):
            weight.assign(value)

    def _save(self) -> None:
        import numpy as np

        groups = {
            "weight": [weight.numpy() for weight in self._weights],
            "optimizer": [variable.numpy() for variable in self._optimizer],
            "best": self.best,
        }
        counts = {kind: len(values) for kind, values in groups.items()}
        said = json.dumps({"key": self._key, "history": to_json(self.history), **counts})
        arrays = {f"{kind}{i}": value for kind, values in groups.items() for i, value in enumerate(values)}
        partial = self._file.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.savez(stream, said=np.array(said), **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._file)
