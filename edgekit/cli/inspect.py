"""`edgekit inspect`: what is in a model, and whether it really runs in integers."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = "The share of integer MACs comes from the graph the runtime executes where it tells, else from the file."


def command(
    model: options.ModelPath,
    ops: Annotated[bool, typer.Option("--ops", help="List every operator.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, progress_for
    from edgekit.cli.present import show_inspection

    found = api.inspect(model, progress=progress_for(quiet=quiet, verbose=verbose, as_json=json))
    if json:
        print_json(found)
    else:
        show_inspection(found, every_op=ops)
