"""`edgekit quantize`: a model of the same format at another precision."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli import options
from edgekit.cli.convert import Calib, IoOption, MinAgreement, Samples, Shape

NEEDS_ARGUMENTS = True
DETAILS = (
    "Example: edgekit quantize model.onnx --scheme int8 --calib calibration.npz. `edgekit targets` lists what there is."
)


def command(
    model: options.ModelPath,
    scheme: Annotated[str, typer.Option(help="int8, int8-dynamic or fp16.")] = "int8",
    calib: Calib = None,
    out: options.Out = None,
    io: IoOption = "float",
    samples: Samples = 200,
    min_agreement: MinAgreement = None,
    shape: Shape = None,
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

    made = api.quantize(
        model,
        scheme,
        calib=calib,
        out=out,
        preprocessing=options.preprocessing(mean, std, resize, resize_to, crop, bgr),
        io=io,
        samples=samples,
        min_agreement=min_agreement,
        shapes=options.shapes(shape or ()),
        progress=progress_for(quiet=quiet, verbose=verbose, as_json=json),
    )
    show_models([made], as_json=json)
