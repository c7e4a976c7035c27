"""Options that several verbs share, declared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say what each step does and what came from the cache.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write into.")]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, or a folder that edgekit wrote.")]
ModelPaths = Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Model files, or folders that edgekit wrote.")]
Labels = Annotated[Path | None, typer.Option(help="CSV file with the columns file, class_index, for a folder of images.")]
Mean = Annotated[
    str | None, typer.Option(help="Subtracted from raw values (0..255 for images): one number, or one a channel: 1,2,3.")
]
Std = Annotated[
    str | None, typer.Option(help="Divided by, in raw units: 255 makes 0..1; with --mean 127.5, 127.5 makes -1..1.")
]


ResizeRule = Literal["none", "stretch", "short-side"]
CropRule = Literal["none", "center"]
Resize = Annotated[ResizeRule, typer.Option(help="How an image gets the model's size.")]
ResizeTo = Annotated[int | None, typer.Option(help="Short side after --resize short-side, pixels.")]
Crop = Annotated[CropRule, typer.Option(help="Cut the middle out after the resize.")]
Bgr = Annotated[bool, typer.Option("--bgr", help="The model wants blue, green, red.")]


def preprocessing(
    mean: str | None, std: str | None, resize: ResizeRule, resize_to: int | None, crop: CropRule, bgr: bool
) -> Any:
    """The Preprocessing that these options say.

    Raises:
        UsageError: A number cannot be read.
    """
    from edgekit.api import Preprocessing

    return Preprocessing(
        mean=numbers(mean, "--mean"),
        std=numbers(std, "--std"),
        resize=resize,
        resize_to=resize_to,
        crop=crop,
        channels="bgr" if bgr else None,
    )


def numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    """`1,2,3` as numbers; None stays None.

    Raises:
        UsageError: It is not a list of numbers.
    """
    from edgekit.errors import UsageError

    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a list of numbers.", fix=f"Write {option} 2 or {option} 1,2,3."
        ) from None


def shapes(texts: Sequence[str]) -> dict[str, list[int]]:
    """`image=1,28,28,1` as a name and a shape.

    Raises:
        UsageError: It is something else.
    """
    from edgekit.errors import UsageError

    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if not name or not all(size.isdecimal() and int(size) > 0 for size in sizes.split(",")):
            raise UsageError(f"--shape {text!r} is not a name and a shape.", fix="Write --shape image=1,28,28,1.")
        found[name] = [int(size) for size in sizes.split(",")]
    return found
