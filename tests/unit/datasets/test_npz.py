"""Arrays: mapped rather than loaded, and every value checked once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit.datasets.npz import Npz
from edgekit.datasets.stored_arrays import open_arrays
from edgekit.errors import DataError, LabelError, MissingFileError, NonFiniteDataError, RecipeError

X = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


def _open(path: Path, **options: object) -> object:
    return Npz().open({"path": str(path), **options})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_samples_labels_and_names_come_from_the_file(tmp_path: Path, save: object) -> None:
    path = tmp_path / "data.npz"
    save(path, x=X, y=np.array([0, 2, 1, 0]), labels=np.array(["red", "green", "blue"]))  # type: ignore[operator]
    samples = Npz().open({"path": str(path)})
    assert np.array_equal(np.stack(list(samples)), X)
    assert samples.targets == (0, 2, 1, 0)
    assert samples.labels == ("red", "green", "blue")
    assert samples.identify(3) == "row 3"


def test_an_npy_file_has_samples_only(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    samples = Npz().open({"path": str(tmp_path / "x.npy")})
    assert samples.targets is None
    assert np.array_equal(samples.raw(2), X[2])


def test_uncompressed_arrays_are_mapped_in_place(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(X), y=np.zeros(4, np.int64))
    np.save(tmp_path / "b.npy", X)
    mapped = open_arrays(tmp_path / "a.npz")["x"]
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, X)
    assert isinstance(open_arrays(tmp_path / "b.npy")["x"], np.memmap)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_first_bad_sample_is_named(tmp_path: Path, bad: float) -> None:
    x = X.copy()
    x[2, 1, 0] = x[3, 0, 0] = bad
    np.savez(tmp_path / "x.npz", x=x)
    with pytest.raises(NonFiniteDataError, match="Row 2 of x"):
        _open(tmp_path / "x.npz")


def test_labels_outside_the_classes_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=X, y=[0, 1, 5, 0])
    with pytest.raises(LabelError, match=r"label of row 2 .* is 5, outside the 2 classes"):
        _open(tmp_path / "x.npz", labels=["a", "b"])
    np.savez(tmp_path / "x.npz", x=X, y=[0, 1, -1, 0])
    with pytest.raises(LabelError, match="is -1"):
        _open(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"images": X}, "has no array x; it has: images"),
        ({"x": X[:0]}, r"float32\[0, 3, 2\]"),
        ({"x": np.array(["a", "b"])}, "samples are numbers"),
        ({"x": X, "y": np.zeros((4, 2))}, r"y in .* has shape \[4, 2\]"),
        ({"x": X, "y": np.array([0.5, 1, 2, 3])}, "whole numbers"),
        ({"x": np.array([{}, {}])}, "cannot be read"),
    ],
)
def test_arrays_that_do_not_fit_are_explained(tmp_path: Path, arrays: dict[str, object], says: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=says):
        _open(tmp_path / "x.npz")


def test_files_that_are_damaged_or_missing_are_explained(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=X)
    whole = (tmp_path / "x.npz").read_bytes()
    for name, content in {"cut.npz": whole[:-30], "text.npz": b"hello", "text.npy": b"hello", "empty.npy": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            _open(tmp_path / name)
    with pytest.raises(MissingFileError):
        _open(tmp_path / "nowhere.npz")
    with pytest.raises(RecipeError, match="needs the option path"):
        Npz().open({})
