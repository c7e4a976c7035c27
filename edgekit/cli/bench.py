"""`edgekit bench`: latency, memory and size of models, measured together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "Each model runs in its own process; blocks of all models are interleaved, so that drift hits all alike, and the first "
    "model is measured against itself to find the noise floor. With labelled --data the accuracy is measured too."
)


def command(
    models: options.ModelPaths,
    data: Annotated[Path | None, typer.Option(help="Labelled samples, to measure accuracy and to time real inputs.")] = None,
    labels: options.Labels = None,
    threads: Annotated[str, typer.Option(help="Thread counts.")] = "1,2",
    percentiles: Annotated[str, typer.Option(help="Percentiles; 99 needs 662 samples and gets them.")] = "50,90,95",
    seconds: Annotated[float, typer.Option(help="Least measured time for each model and thread count.")] = 0.5,
    mean: options.Mean = None,
    std: options.Std = None,
    resize: options.Resize = "stretch",
    resize_to: options.ResizeTo = None,
    crop: options.Crop = "none",
    bgr: options.Bgr = False,
    out: options.Out = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    from edgekit import api, errors, registry
    from edgekit.cli.output import print_json, progress_for

    report = api.bench(
        models,
        data=data,
        labels=labels,
        threads=[int(n) for n in options.numbers(threads, "--threads") or ()],
        percentiles=options.numbers(percentiles, "--percentiles") or (),
        seconds=seconds,
        preprocessing=options.preprocessing(mean, std, resize, resize_to, crop, bgr),
        out=out,
        progress=progress_for(quiet=quiet, verbose=verbose, as_json=json),
    )
    if json:
        print_json(report)
    else:
        registry.load("edgekit.renderers.text:print_report")(report, sys.stdout)
    if report.rejected:
        raise typer.Exit(errors.by_name()[report.rejected[0].error].exit_code)
