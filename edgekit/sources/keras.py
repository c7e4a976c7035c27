"""Keras files: `.keras` archives and the legacy `.h5`, loaded in safe mode."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import ModelFacts
from edgekit.core.target import ModelFormat, Precision
from edgekit.core.tensor import DType, TensorSpec
from edgekit.errors import CorruptModelError, EdgekitError, UnsupportedModelError
from edgekit.lazy import require

_ZIP_MAGIC = b"PK\x03\x04"
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ARCHIVE = {"config.json", "metadata.json"}


class KerasSource:
    """Reads a Keras 3 archive, or an HDF5 file Keras 3 still knows."""

    name: ClassVar[str] = "keras"
    format: ClassVar[ModelFormat] = ModelFormat.KERAS
    suffixes: ClassVar[tuple[str, ...]] = (".keras", ".h5", ".hdf5")
    packages: ClassVar[tuple[str, ...]] = ("keras", "tensorflow")
    extra: ClassVar[str] = "keras"

    def sniff(self, file: Path) -> bool:
        with file.open("rb") as stream:
            magic = stream.read(8)
        if magic == _HDF5_MAGIC:
            return True
        if not magic.startswith(_ZIP_MAGIC):
            return False
        # A truncated archive has lost its table of contents, which is at the end; its name still says what it was.
        return file.suffix == ".keras" or _archive_names(file) >= _ARCHIVE

    def read(self, file: Path) -> ModelFacts:
        """Loads the model and reads its inputs and outputs; an open batch dimension is shown as 1.

        Raises:
            CorruptModelError: The file is damaged.
            UnsupportedModelError: It holds what Keras cannot load safely, or has no fixed list of inputs.
            MissingPackageError: Keras is not installed.
        """
        _check_bytes(file)
        model = _load(file)
        inputs = list(getattr(model, "inputs", None) or [])
        outputs = list(getattr(model, "outputs", None) or [])
        if not inputs or not outputs:
            raise UnsupportedModelError(
                f"{file} does not say what its inputs are.",
                fix="Build the model with the functional API, or give a Sequential model a keras.Input, then save it again.",
                cause="A subclassed or unbuilt model knows its shapes only when it is called.",
            )
        weights = {str(weight.dtype) for weight in model.weights}
        return ModelFacts(
            format=ModelFormat.KERAS,
            files=(file.name,),
            inputs=_specs([str(tensor.name) for tensor in inputs], inputs),
            outputs=_specs(_output_names(model, outputs), outputs),
            precision=Precision.FP16 if "float16" in weights else Precision.FP32,
        )


def _archive_names(file: Path) -> set[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return set()


def _check_bytes(file: Path) -> None:
    """Finds truncation and flipped bits of an archive by its checksums, before any library reads it."""
    with file.open("rb") as stream:
        if not stream.read(4).startswith(_ZIP_MAGIC):
            return
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
            missing = _ARCHIVE - set(archive.namelist())
            if damaged or missing:
                raise _corrupt(file, f"its part {damaged or sorted(missing)[0]} is {'damaged' if damaged else 'missing'}")
            json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, zlib.error) as error:
        raise _corrupt(file, str(error)) from error


def _load(file: Path) -> Any:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    require("tensorflow", extra="keras")
    keras = require("keras", extra="keras")
    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises ValueError, TypeError, KeyError, OSError and more for a file it cannot load
        raise _refused(file, error) from error


def _refused(file: Path, error: Exception) -> EdgekitError:
    text = " ".join(str(error).split())
    if "`Lambda` layer" in text:
        return UnsupportedModelError(
            f"{file} holds a Lambda layer, which is Python code inside the model file.",
            fix="Replace the Lambda by a layer of keras.layers or keras.ops (Rescaling, Activation, ...) and save it again.",
            cause="Loading it would run code from the file; edgekit never does.",
        )
    if isinstance(error, OSError):
        return _corrupt(file, text[:200])
    if file.suffix != ".keras":
        return UnsupportedModelError(
            f"Keras 3 cannot load the legacy file {file}: {text[:200]}",
            fix=f"Load it with the package tf_keras and save it as {file.stem}.keras, or export it to ONNX.",
            cause="Keras 3 dropped arguments that TensorFlow 2's Keras wrote, such as DepthwiseConv2D(groups=...).",
        )
    return UnsupportedModelError(  # the archive's checksums are right, so its content is what somebody saved
        f"Keras cannot build the model in {file}: {text[:200]}",
        fix="Build the model from the layers of keras.layers and save it again, or export it to ONNX and convert that.",
        cause="Custom classes are not stored in the file, only their names.",
    )


def _corrupt(file: Path, reason: str) -> CorruptModelError:
    return CorruptModelError(
        f"{file} is damaged: {reason}.",
        fix="Copy or download the file again, or save the model again.",
        cause="The file was cut off while it was copied, or changed on disk.",
    )


def _output_names(model: Any, outputs: list[Any]) -> list[str]:
    functional = getattr(model, "_functional", None) or model  # a Sequential model keeps its graph in here
    names = list(getattr(functional, "output_names", None) or [str(tensor.name) for tensor in outputs])
    return [name if name not in names[:i] else f"{name}_{i}" for i, name in enumerate(names)]


def _specs(names: list[str], tensors: list[Any]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(name, tensor) for name, tensor in zip(names, tensors, strict=True))


def _spec(name: str, tensor: Any) -> TensorSpec:
    dtype = str(tensor.dtype)
    if dtype not in set(DType):
        raise UnsupportedModelError(
            f"{name} is of type {dtype}.",
            fix=f"Move that step out of the model; inputs and outputs can be {', '.join(DType)}.",
        )
    batch, *rest = tensor.shape
    return TensorSpec(name=name, dtype=DType(dtype), shape=(batch or 1, *rest))
