"""`edgekit diff`: whether two models give the same outputs, and where along the graph they part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "A and B are models of the same or of different formats; A is the one that is right. Without --data they run on random "
    "inputs. Exit code: 0 when the outputs agree as a float32 conversion's must, 1 when they differ, 2 and more for errors."
)

DIFFERENT = 1


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="The model that is right: a file, or a folder edgekit wrote.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The model to compare with it.")],
    data: Annotated[Path | None, typer.Option(help="Samples: a folder of images, an .npz with x, or an .npy.")] = None,
    threshold: Annotated[float, typer.Option(help="A tensor whose SNR is below this many dB has departed.")] = 60.0,
    rows: Annotated[int, typer.Option(help="So many tensors are listed, worst first.")] = 10,
    mean: options.Mean = None,
    std: options.Std = None,
    resize: options.Resize = "stretch",
    resize_to: options.ResizeTo = None,
    crop: options.Crop = "none",
    bgr: options.Bgr = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, progress_for
    from edgekit.cli.present_diff import show_comparison

    found = api.diff(
        a,
        b,
        data=data,
        threshold_db=threshold,
        preprocessing=options.preprocessing(mean, std, resize, resize_to, crop, bgr),
        progress=progress_for(quiet=quiet, verbose=verbose, as_json=json),
    )
    if json:
        print_json(found)
    else:
        show_comparison(found, rows)
    if not found.same:
        raise typer.Exit(DIFFERENT)
