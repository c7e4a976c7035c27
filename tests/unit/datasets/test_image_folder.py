"""Images from folders: classes, labels, orientation and every way a file can be bad."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from edgekit.datasets.image_folder import ImageFolder
from edgekit.errors import DataError, LabelError, MissingFileError, RecipeError

Image = pytest.importorskip("PIL.Image", reason="Pillow (extra vision) is not installed")


def _save(path: Path, color: tuple[int, int, int] = (10, 20, 30), **how: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), color).save(path, **how)
    return path


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("dog/b.png", "cat/deep/a.png", "cat/c.PNG"):
        _save(tmp_path / name)
    (tmp_path / "dog" / "notes.txt").write_text("not an image")
    (tmp_path / "empty").mkdir()
    samples = ImageFolder().open({"path": str(tmp_path)})
    assert samples.labels == ("cat", "dog")
    assert [(samples.identify(i), samples.targets[i]) for i in range(len(samples))] == [  # type: ignore[index]
        ("cat/c.PNG", 0),
        ("cat/deep/a.png", 0),
        ("dog/b.png", 1),
    ]
    assert samples.raw(2).shape == (4, 6, 3)
    assert samples.raw(2)[0, 0].tolist() == [10, 20, 30]


def test_a_flat_folder_has_no_labels_and_gray_has_one_channel(tmp_path: Path) -> None:
    _save(tmp_path / "a.png", (255, 0, 0))
    samples = ImageFolder().open({"path": str(tmp_path), "gray": True})
    assert samples.targets is None
    assert [sample.shape for sample in samples] == [(4, 6, 1)]
    assert samples.raw(0)[0, 0, 0] == 76  # 0.299 * 255, ITU-R BT.601


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    picture.save(tmp_path / "a.png", exif=exif)
    upright = ImageFolder().open({"path": str(tmp_path)}).raw(0)
    assert upright.tolist() == [[[255, 0, 0]], [[0, 255, 0]], [[0, 0, 255]]]


def test_labels_come_from_a_csv_file(tmp_path: Path) -> None:
    _save(tmp_path / "a.png")
    _save(tmp_path / "b.png")
    (tmp_path / "labels.csv").write_text("\ufefffile,class_index,label\nb.png,2,two\na.png,0,zero\n", encoding="utf-8")
    samples = ImageFolder().open({"path": str(tmp_path), "labels": "labels.csv", "classes": 4})
    assert samples.targets == (2, 0)
    assert samples.labels == ("zero", "1", "two", "3")
    assert samples.identify(0) == "b.png"


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("name,class_index\na.png,0\n", DataError, "no column file; it has: name, class_index"),
        ("file,class_index\na.png,cat\n", DataError, "line 2: class_index is 'cat'"),
        ("file,class_index\na.png,3\n", LabelError, "line 2: class 3 is outside the 3 classes"),
        ("file,class_index\nc.png,0\n", MissingFileError, "c.png, which does not exist"),
        ("file,class_index\n", DataError, "no rows"),
    ],
)
def test_a_bad_csv_file_is_explained(tmp_path: Path, text: str, error: type[Exception], says: str) -> None:
    _save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(error, match=says):
        ImageFolder().open({"path": str(tmp_path), "labels": "labels.csv", "classes": 3})


def _bomb(path: Path) -> None:
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)))


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    whole = _save(tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "a_cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b_text.png").write_text("hello")
    _bomb(tmp_path / "c_bomb.png")
    Image.fromarray(np.full((2, 2), 40_000, np.uint16)).save(tmp_path / "d_deep.png")
    samples = ImageFolder().open({"path": str(tmp_path)})
    for index, says in enumerate(
        ["a_cut.jpg cannot be read", "b_text.png cannot be read", "c_bomb.png", "d_deep.png has more"]
    ):
        with pytest.raises(DataError, match=says):
            samples.raw(index)


def test_folders_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images"):
        ImageFolder().open({"path": str(tmp_path)})
    _save(tmp_path / "cat" / "a.png")
    _save(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"loose\.png lies beside"):
        ImageFolder().open({"path": str(tmp_path)})
    with pytest.raises(MissingFileError):
        ImageFolder().open({"path": str(tmp_path / "nowhere")})
    with pytest.raises(DataError, match="not a folder"):
        ImageFolder().open({"path": str(tmp_path / "loose.png")})
    with pytest.raises(RecipeError, match="no option 'grey'") as caught:
        ImageFolder().open({"path": str(tmp_path), "grey": True})
    assert "Did you mean gray?" in caught.value.fix
