"""`edgekit validate`: accuracy on labelled data, with its interval, and the paired test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "Runs every sample through each model in its own process. With --against, or with several models, answers are compared "
    "sample by sample (McNemar's exact test): no measurable difference is an answer."
)


def command(
    models: options.ModelPaths,
    data: Annotated[
        Path, typer.Option(help="Labelled samples: a folder with a sub-folder a class, or an .npz with x and y.")
    ],
    against: Annotated[Path | None, typer.Option(help="The model to compare with, such as the float one.")] = None,
    labels: options.Labels = None,
    samples: Annotated[int | None, typer.Option(help="At most so many samples, spread over the data.")] = None,
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
    from edgekit.cli.present import show_validations

    rows = api.validate(
        models,
        data,
        against=against,
        labels=labels,
        samples=samples,
        preprocessing=options.preprocessing(mean, std, resize, resize_to, crop, bgr),
        progress=progress_for(quiet=quiet, verbose=verbose, as_json=json),
    )
    if json:
        print_json(rows)
    else:
        show_validations(rows)
