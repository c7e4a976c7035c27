"""Images in a folder: sub-folders are classes, or a CSV file has the labels, or there are none (calibration)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit import lazy
from edgekit.core.protocols import Samples
from edgekit.datasets.image_labels import read_labels
from edgekit.datasets.options import refuse_unknown, required_path
from edgekit.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".gif")

PIXEL_LIMIT = 89_478_485
"""Larger images are refused before they are decoded; PIL's own warning level (a quarter of a GiB as RGB)."""


class ImageFolder:
    """Options: path, the folder; gray, true for one channel; labels, a CSV file; classes, how many classes there are."""

    name: ClassVar[str] = "image_folder"
    packages: ClassVar[tuple[str, ...]] = ("pillow",)
    extra: ClassVar[str] = "vision"

    def open(self, options: Mapping[str, Any]) -> Samples:
        """Lists the images; each is decoded when it is asked for.

        Raises:
            RecipeError: An unknown option, or no path.
            MissingFileError: The folder or the CSV file is not there.
            DataError: There are no images, or images beside class folders.
            LabelError: A label outside `classes`.
            MissingPackageError: Pillow is not installed.
        """
        refuse_unknown(self.name, options, ("path", "gray", "labels", "classes"))
        folder = required_path(self.name, options, "a folder of images")
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder.", fix="Give the folder that the images are in.")
        lazy.require("PIL", extra=self.extra)
        targets: tuple[int, ...] | None
        if options.get("labels"):
            files, targets, labels = read_labels(folder, str(options["labels"]), options.get("classes"))
        else:
            files, targets, labels = _listed(folder)
        return Images(folder, files, targets, labels, gray=bool(options.get("gray", False)))


class Images:
    """The opened folder; a raw sample is `uint8[h, w, 3]` RGB, or `uint8[h, w, 1]` when gray, upright."""

    def __init__(
        self, folder: Path, files: list[Path], targets: tuple[int, ...] | None, labels: tuple[str, ...], *, gray: bool
    ) -> None:
        self._folder = folder
        self._files = files
        self._gray = gray
        self.targets = targets
        self.labels = labels

    def __len__(self) -> int:
        return len(self._files)

    def raw(self, index: int) -> Any:
        """The image `index`, decoded now.

        Raises:
            DataError: The file is not an image that can be read.
        """
        return decode(self._files[index], gray=self._gray)

    def identify(self, index: int) -> str:
        """Its path inside the folder."""
        return self._files[index].relative_to(self._folder).as_posix()

    def __iter__(self) -> Iterator[Any]:
        return (self.raw(index) for index in range(len(self)))


def decode(file: Path, *, gray: bool) -> Any:
    """The image in `file`, upright (EXIF orientation), 8 bits a channel.

    Raises:
        DataError: It is not an image, is damaged, too large, or has more than 8 bits a channel.
    """
    import struct

    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            _refuse(file, image.size, image.mode)
            upright = ImageOps.exif_transpose(image).convert("L" if gray else "RGB")
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as problem:
        raise DataError(
            f"{file} cannot be read as an image: {problem}.",
            cause="The file is damaged, incomplete, or not an image.",
            fix="Replace it or take it out of the folder.",
        ) from None
    pixels = np.asarray(upright)
    return pixels[:, :, None] if gray else pixels


def _refuse(file: Path, size: tuple[int, int], mode: str) -> None:
    width, height = size
    if width * height > PIXEL_LIMIT:
        raise DataError(
            f"{file} has {width} x {height} pixels; more than {PIXEL_LIMIT:,} are not decoded.",
            cause="A decompression bomb, or an image far larger than any model takes.",
            fix="Scale it down first, or take it out of the folder.",
        )
    if mode == "F" or mode.startswith("I"):
        raise DataError(
            f"{file} has more than 8 bits a channel (mode {mode}).",
            fix="Convert it to 8 bits a channel with the scaling you want, or give arrays as an .npz file.",
        )


def _listed(folder: Path) -> tuple[list[Path], tuple[int, ...] | None, tuple[str, ...]]:
    classes = [child for child in sorted(folder.iterdir()) if child.is_dir() and not child.name.startswith(".")]
    of_class = {child.name: found for child in classes if (found := _images(child.rglob("*")))}
    loose = _images(folder.iterdir())
    if not of_class and not loose:
        raise DataError(
            f"There are no images in {folder}.",
            fix=f"Give a folder that holds images ({', '.join(s[1:] for s in SUFFIXES)}).",
        )
    if not of_class:
        return loose, None, ()
    if loose:
        raise DataError(
            f"{loose[0].name} lies beside the class folders of {folder}, so its class is unknown.",
            fix="Move loose images into the folder of their class, or give their labels in a CSV file (option labels).",
        )
    targets = tuple(index for index, files in enumerate(of_class.values()) for _ in files)
    return [file for files in of_class.values() for file in files], targets, tuple(of_class)


def _images(paths: Iterator[Path]) -> list[Path]:
    return sorted(p for p in paths if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file())
