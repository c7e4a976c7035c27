"""Keras model files: imports the engine, loads models, and writes them so that equal models are equal bytes."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

from edgekit import lazy
from edgekit.errors import CorruptModelError, MissingFileError

FILE = "model.keras"
"""Name of the file that training and pruning write."""

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
"""Names of the weights that magnitude pruning may set to zero; biases and normalization are few and matter."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can say."""

_SHARED = re.compile(r'("shared_object_id":\s*)(\d+)')


def engine() -> tuple[Any, Any]:
    """The modules tensorflow and keras.

    Raises:
        MissingPackageError: They are not installed.
    """
    # Read once, at import: a user's ~/.keras/keras.json may name another backend, and TensorFlow talks a lot.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    tensorflow = lazy.require("tensorflow", extra="keras")
    return tensorflow, lazy.require("keras", extra="keras")


def load(file: Path) -> Any:
    """The model in `file`, not compiled; code inside the file (Lambda layers) is not run.

    Raises:
        MissingFileError: It is not there.
        CorruptModelError: Keras cannot load it.
    """
    if not file.is_file():
        raise MissingFileError(f"{file} does not exist.", fix=f"Check the path: ls {file.parent}")
    _, keras = engine()
    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    # Keras raises what the part it failed in raises: zipfile, h5py, json or a layer's own constructor.
    except Exception as problem:
        words = " ".join(str(problem).split())[:300]
        raise CorruptModelError(
            f"Keras cannot load {file}: {words}", fix="Save the model again from layers that Keras itself has."
        ) from problem


def save(model: Any, out: Path) -> str:
    """Writes the model, without an optimizer's state, into `out` and returns the file's name."""
    file = out / FILE
    model.save(file)
    _settle(file)
    return FILE


def kernels(model: Any) -> list[Any]:
    """The trainable kernels of convolutions and dense layers."""
    return [weight for weight in model.trainable_variables if weight.name in KERNELS]


def _settle(file: Path) -> None:
    """Takes the time of saving and memory addresses out of the archive: the same training gives the same digest."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(parts["metadata.json"])
    parts["metadata.json"] = json.dumps({**metadata, "date_saved": "1980-01-01@00:00:00"}).encode()
    parts["config.json"] = _count_shared(parts["config.json"].decode()).encode()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    file.write_bytes(whole.getvalue())


def _count_shared(config: str) -> str:
    """Objects that layers share are told apart by their addresses; numbers in the order of appearance do the same."""
    numbers: dict[str, int] = {}
    return _SHARED.sub(lambda found: f"{found[1]}{numbers.setdefault(found[2], len(numbers))}", config)
