"""`edgekit run`: a recipe from data to report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "RECIPE is a YAML file or the name of one that comes with edgekit (`edgekit recipes list`). Steps that nothing changed "
    "for come from the cache; a run that was stopped goes on where it was. Fails when an artifact was rejected."
)


def command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or a recipe's name.")],
    out: options.Out = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make everything anew.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    from edgekit import api, errors, registry
    from edgekit.cli.output import print_json, progress_for

    report = api.run(recipe, out, fresh=fresh, progress=progress_for(quiet=quiet, verbose=verbose, as_json=json))
    folder = Path(out) if out else Path("runs") / report.name
    if json:
        print_json(report)
    else:
        registry.load("edgekit.renderers.text:print_report")(report, sys.stdout)
        print(f"\nThe whole report: {folder / 'report.html'}")
    if report.rejected:
        raise typer.Exit(errors.by_name()[report.rejected[0].error].exit_code)
