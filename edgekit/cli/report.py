"""`edgekit report`: a report.json drawn again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = "REPORT is a report.json, or the folder of a run. Without --format it is shown here."


def command(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="A report.json, or the folder of a run.")],
    form: Annotated[
        list[str] | None, typer.Option("--format", "-f", help="text, markdown or html; may be given several times.")
    ] = None,
    out: options.Out = None,
    json: options.Json = False,
) -> None:
    from edgekit import api, registry
    from edgekit.cli.output import print_json

    if form:
        written = api.render(report, out, form)
        if json:
            print_json(written)
        else:
            print("\n".join(str(file) for file in written))
        return
    loaded = api.load_report(report)
    if json:
        print_json(loaded)
    else:
        registry.load("edgekit.renderers.text:print_report")(loaded, sys.stdout)
