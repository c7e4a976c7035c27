"""The labels of an image folder from a CSV file with the columns file, class_index and, when there are names, label."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from edgekit.errors import DataError, LabelError, MissingFileError

Row = dict[str, str]


def read_labels(folder: Path, name: str, classes: Any = None) -> tuple[list[Path], tuple[int, ...], tuple[str, ...]]:
    """Files, their classes and the class names.

    Args:
        folder: What the column `file` is relative to.
        name: The CSV file, a path, or a name inside `folder`.
        classes: How many classes there are; None takes the largest index found.

    Raises:
        MissingFileError: The CSV file, or an image that it names, is not there.
        DataError: It lacks a column, has no rows, or a row is not as it should be.
        LabelError: An index outside the classes.
    """
    file = next((path for path in (folder / name, Path(name).expanduser()) if path.is_file()), None)
    if file is None:
        raise MissingFileError(f"There is no {name} in {folder}.", fix="Give the path of the CSV file with the labels.")
    rows = _rows(file)
    targets = [_index(file, line, row, classes) for line, row in enumerate(rows, start=2)]
    names = [str(i) for i in range(int(classes) if classes else max(targets) + 1)]
    for target, row in zip(targets, rows, strict=True):
        names[target] = row.get("label") or names[target]
    images = [folder / row["file"] for row in rows]
    absent = next((image for image in images if not image.is_file()), None)
    if absent is not None:
        raise MissingFileError(
            f"{file.name} names {absent}, which does not exist.", fix=f"Correct the column file in {file}."
        )
    return images, tuple(targets), tuple(names)


def _rows(file: Path) -> list[Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
            columns = reader.fieldnames or []
    except (csv.Error, UnicodeDecodeError) as problem:
        raise DataError(f"{file} is not a CSV file: {problem}.", fix="Save it as comma-separated UTF-8 text.") from None
    missing = [column for column in ("file", "class_index") if column not in columns]
    if missing:
        raise DataError(
            f"{file} has no column {' and no column '.join(missing)}; it has: {', '.join(columns) or 'nothing'}.",
            fix="Its first line must be `file,class_index` or `file,class_index,label`.",
        )
    if not rows:
        raise DataError(f"{file} has no rows.", fix="Add one line for each image.")
    return rows


def _index(file: Path, line: int, row: Row, classes: Any) -> int:
    text = row["class_index"]
    try:
        index = int(text)
    except (TypeError, ValueError):
        raise DataError(
            f"{file}, line {line}: class_index is {text!r}, not a whole number.", fix="Correct that line."
        ) from None
    if index < 0 or (classes and index >= int(classes)):
        raise LabelError(
            f"{file}, line {line}: class {index} is outside the {classes or ''} classes.".replace("  ", " "),
            fix="Class indices start at 0; correct the line, or the number of classes.",
        )
    return index
