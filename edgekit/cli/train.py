"""`edgekit train`: a recipe's float model."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = "Stops early when the validation loss stops falling. A training that was killed goes on from its last epoch."


def command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or a recipe's name.")],
    out: options.Out = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    from edgekit import api
    from edgekit.cli.output import progress_for
    from edgekit.cli.present import show_models

    model, facts = api.train(recipe, out, progress=progress_for(quiet=quiet, verbose=verbose, as_json=json))
    show_models([model], as_json=json)
    if not json:
        print(facts.verdict)
