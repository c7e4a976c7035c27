"""`edgekit import`: a model file becomes an artifact that says what it takes and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "Writes <MODEL>-imported/ with the file and an edgekit.json. With --mean and --std it also holds how an image becomes "
    "the model's input, so that later verbs need not be told."
)


def command(
    model: options.ModelPath,
    out: options.Out = None,
    class_names: Annotated[Path | None, typer.Option(help="Text file with one class name a line.")] = None,
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
    from edgekit.cli.output import progress_for
    from edgekit.cli.present import show_models

    said = options.preprocessing(mean, std, resize, resize_to, crop, bgr)
    names = class_names.read_text(encoding="utf-8").splitlines() if class_names else ()
    progress = progress_for(quiet=quiet, verbose=verbose, as_json=json)
    show_models([api.import_model(model, out, preprocessing=said, labels=names, progress=progress)], as_json=json)
