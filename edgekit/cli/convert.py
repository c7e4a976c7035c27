"""`edgekit convert`: a model to one or more targets, each proven against its source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "Example: edgekit convert model.keras --target tflite-int8 --calib photos/ --mean 127.5 --std 127.5. A target is "
    "<format>-<precision>; `edgekit targets` lists them. An artifact whose outputs do not match its source is kept aside as "
    "*.rejected and the next way is tried; when none holds, the command fails. --explain lists the ways."
)

Targets = Annotated[list[str], typer.Option("--target", "-t", help="What to make; may be given several times.")]
Calib = Annotated[Path | None, typer.Option(help="Training samples: a folder of images, an .npz with x, or an .npy.")]
IoOption = Annotated[Literal["float", "integer"], typer.Option(help="Inputs and outputs of int8 artifacts.")]
Samples = Annotated[int, typer.Option(help="At most so many samples calibrate.")]
Shape = Annotated[
    list[str] | None, typer.Option(help="Fix an open input shape: NAME=1,28,28,1; several times for several inputs.")
]
Explain = Annotated[bool, typer.Option("--explain", help="List the ways there, cheapest first, and make nothing.")]
MinAgreement = Annotated[float | None, typer.Option(help="Least share of same answers as the source, 0..1.")]


def command(
    model: options.ModelPath,
    target: Targets,
    calib: Calib = None,
    out: options.Out = None,
    io: IoOption = "float",
    samples: Samples = 200,
    min_agreement: MinAgreement = None,
    shape: Shape = None,
    explain: Explain = False,
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
    from edgekit.cli.present import show_models, show_ways

    progress = progress_for(quiet=quiet, verbose=verbose, as_json=json)
    if explain:
        show_ways(api.explain(model, target, progress=progress), as_json=json)
        return
    made = api.convert(
        model,
        target,
        calib=calib,
        out=out,
        preprocessing=options.preprocessing(mean, std, resize, resize_to, crop, bgr),
        io=io,
        samples=samples,
        min_agreement=min_agreement,
        shapes=options.shapes(shape or ()),
        progress=progress,
    )
    show_models(made, as_json=json)
